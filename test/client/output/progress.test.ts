import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { describe, it } from 'node:test';
import type { Io } from '../../../client/io.ts';
import { createProgress } from '../../../client/output/progress.ts';

function screen(changes: Partial<Io> = {}) {
  const written = { stdout: '', stderr: '' };
  const sink = (name: keyof typeof written) =>
    new Writable({
      write(chunk: Buffer, _, done) {
        written[name] += chunk.toString();
        done();
      },
    });
  let now = 0;
  const io: Io = {
    stdout: sink('stdout'),
    stderr: sink('stderr'),
    isTerminal: false,
    env: {},
    cwd: '/',
    now: () => 0,
    elapsed: () => (now += 1000),
    interrupt: new AbortController().signal,
    inputEnd: new AbortController().signal,
    ...changes,
  };
  return { io, written };
}

describe('progress', () => {
  it('is lines that end with the time on a log', async () => {
    const { io, written } = screen();
    using progress = createProgress({}, io);
    await progress.stage('Session', (stage) => {
      stage.say('BOOTING');
      return Promise.resolve();
    });
    assert.match(written.stderr, /^Session: BOOTING\nSession: done \([0-9.]+ s\)\n$/);
  });

  it('is one object a line with --json, and nothing with --quiet', async () => {
    const json = screen();
    await createProgress({ json: true }, json.io).stage('Session', () => Promise.resolve());
    const states = json.written.stdout
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { state: string }).state);
    assert.deepEqual(states, ['running', 'done']);
    const quiet = screen();
    await createProgress({ quiet: true }, quiet.io).stage('Session', () => Promise.resolve());
    assert.deepEqual(quiet.written, { stdout: '', stderr: '' });
  });

  it('draws no line that wraps, and nothing that moves the cursor but its own', async () => {
    const { io, written } = screen({ isTerminal: true, columns: 40 });
    using progress = createProgress({}, io);
    await progress.stage('Programs', (stage) => {
      stage.say(`Unpacking\r\n\x1b[2Jpython3 ${'x'.repeat(100)}`);
      return Promise.resolve();
    });
    // eslint-disable-next-line no-control-regex -- these are what it may write
    const drawn = written.stderr.replaceAll(/\x1b\[([0-9]+[Am]|K)/g, '');
    assert.ok(!drawn.includes('\x1b') && !drawn.includes('\r'));
    for (const line of drawn.split('\n')) assert.ok(line.length < 40, line);
  });

  it('says which stage failed', async () => {
    const { io, written } = screen({ isTerminal: true, env: { NO_COLOR: '1' } });
    using progress = createProgress({}, io);
    await assert.rejects(progress.stage('Tunnel', () => Promise.reject(new Error('no'))));
    assert.match(written.stderr, /✗ Tunnel/);
  });
});
