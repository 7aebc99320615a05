import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import type { Io } from '../../../client/io.ts';
import { createProgress } from '../../../client/output/progress.ts';
import { columnsOf } from '../../../client/output/terminal-text.ts';
import { testIo } from '../../helpers/client-io.ts';

function screen(changes: Partial<Io> = {}) {
  let now = 0;
  const io = testIo({ env: {}, now: () => 0, elapsed: () => (now += 1000), ...changes });
  return { io, written: io.written };
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
    for (const line of linesOf(written.stderr)) assert.ok(line.length < 40, line);
  });

  it('fits any terminal: letters of two columns, 20 columns, one that was made narrower', async () => {
    const size = { columns: 20 };
    const narrow = screen({ isTerminal: true });
    Object.defineProperty(narrow.io, 'columns', { get: () => size.columns });
    using progress = createProgress({}, narrow.io);
    await progress.stage('Session', (stage) => {
      stage.say('构建网关镜像需要几分钟');
      const before = narrow.written.stderr.length;
      size.columns = 8;
      stage.say('e\u0301'.repeat(30));
      const drawn = narrow.written.stderr.slice(before);
      assert.ok(drawn.startsWith('\r\x1b[3A'), 'what has wrapped is drawn over as a whole');
      size.columns = 20;
      return Promise.resolve();
    });
    for (const line of linesOf(narrow.written.stderr)) assert.ok(columnsOf(line) < 20, line);
    assert.ok(narrow.written.stderr.endsWith('\n\x1b[J'), 'the cursor rests on an empty line');
  });

  it('says which stage failed', async () => {
    const { io, written } = screen({ isTerminal: true, env: { NO_COLOR: '1' } });
    using progress = createProgress({}, io);
    await assert.rejects(progress.stage('Tunnel', () => Promise.reject(new Error('no'))));
    assert.match(stripVTControlCharacters(written.stderr), /✗ Tunnel/);
  });
});

/** What was drawn, without what the progress itself moves the cursor and paints with. */
function linesOf(written: string): string[] {
  // eslint-disable-next-line no-control-regex -- these are what it may write
  const drawn = written.replaceAll(/^\r|(?<=\x1b\[J)\r|\x1b\[([0-9]+A|K|J|[0-9]+m)/g, '');
  assert.ok(!drawn.includes('\x1b') && !drawn.includes('\r'), JSON.stringify(drawn));
  return drawn.split('\n');
}
