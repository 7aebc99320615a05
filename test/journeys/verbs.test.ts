// What else a person types: a second start, other folders and ports, status, list, stop, delete; and what goes wrong.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { runClient, untilNoProcess, type RunningClient } from '../helpers/client.ts';
import { newKernel, run } from '../helpers/jupyter-front-end.ts';
import { requireProgram } from '../helpers/requires.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const JUPYTER = '/usr/bin/jupyter-server';

// Side by side: they wait for boots, and for clients that look at their sessions every 15 s.
describe('the verbs beside a running start', { concurrency: true }, () => {
  it('share its emulator, show the session, stop it and delete it', async (t) => {
    if (!requireProgram(t, JUPYTER)) return;
    const stateDir = temporaryFolder(t);
    const content = temporaryFolder(t);
    const first = start(t, stateDir, content);
    const ready = await first.ready();
    await newKernel(ready.gateway);

    const second = start(t, stateDir, content);
    const again = await second.ready();
    assert.deepEqual(again.gateway, ready.gateway, 'the second start has the first one’s URL');
    second.signal('SIGINT');
    assert.equal(await second.ended, 0);

    const other = start(t, stateDir, temporaryFolder(t));
    const elsewhere = await other.ready();
    assert.notEqual(elsewhere.gateway.url, ready.gateway.url, 'another folder, another port');
    assert.equal(elsewhere.session.id, ready.session.id);
    other.signal('SIGINT');
    assert.equal(await other.ended, 0);

    assert.match(await text(t, stateDir, 'status'), /State +READY/);
    assert.match(await text(t, stateDir, 'list'), /default +READY +europe-west1-b +e2-standard-4/);
    assert.match(await text(t, stateDir, 'stop'), /is stopped/);
    assert.equal(await first.ended, 0, 'a start whose session sleeps ends by itself');
    const { event, reason } = first.events.at(-1) ?? { event: 'nothing' };
    assert.deepEqual({ event, reason }, { event: 'ended', reason: 'STOPPED' });
    assert.match(await text(t, stateDir, 'status'), /State +STOPPED/);

    const third = start(t, stateDir, content);
    await third.ready();
    assert.match(await text(t, stateDir, 'delete', '--yes'), /is deleted/);
    assert.equal(await third.ended, 1, 'one whose session is deleted has failed');
    assert.match(third.events.at(-1)?.message ?? '', /Session default (is being|was) deleted/);
    await untilNoProcess(stateDir);
  });

  it('boot a stopped session again, with its files', async (t) => {
    if (!requireProgram(t, JUPYTER)) return;
    const stateDir = temporaryFolder(t);
    const content = temporaryFolder(t);
    const emulator = runClient(t, stateDir, ['emulator', '--json']);
    await emulator.ready();
    const first = start(t, stateDir, content);
    const { gateway, session } = await first.ready();
    await run(gateway, await newKernel(gateway), "open('kept', 'w').write('still here')");
    first.signal('SIGINT');
    assert.equal(await first.ended, 0);
    // The agent may not have said yet that the cell has ended.
    assert.match(await text(t, stateDir, 'stop', '--yes'), /is stopped/);
    const second = start(t, stateDir, content);
    const again = await second.ready();
    assert.equal(again.session.id, session.id);
    const kernel = await newKernel(again.gateway);
    assert.equal(
      (await run(again.gateway, kernel, "print(open('kept').read())")).trim(),
      'still here',
    );
    second.signal('SIGINT');
    await second.ended;
    emulator.signal('SIGINT');
    assert.equal(await emulator.ended, 0);
    await untilNoProcess(stateDir);
  });

  it('keep the kernels while the client is away and the emulator stays', async (t) => {
    if (!requireProgram(t, JUPYTER)) return;
    const stateDir = temporaryFolder(t);
    const content = temporaryFolder(t);
    const emulator = runClient(t, stateDir, ['emulator', '--json']);
    await emulator.ready();
    const first = start(t, stateDir, content);
    const { gateway } = await first.ready();
    const kernel = await newKernel(gateway);
    await run(gateway, kernel, 'x = 41');
    first.signal('SIGKILL');
    await first.ended;
    const second = start(t, stateDir, content);
    const again = await second.ready();
    assert.equal((await run(again.gateway, kernel, 'x + 1')).trim(), '42');
  });
});

describe('what goes wrong is said', () => {
  it('before anything is started: a folder that is not there, a file, an unknown flag, a bad port', async (t) => {
    const stateDir = temporaryFolder(t);
    const file = path.join(temporaryFolder(t), 'file');
    writeFileSync(file, '');
    const cases: [string[], RegExp][] = [
      [
        ['start', '--emulator', '/not/there'],
        /CONTENT_DIR \/not\/there does not exist; make it with/,
      ],
      [['start', '--emulator', file], /is not a folder/],
      [
        ['start', '--emulator', '--prot', '8081'],
        /unknown flag '--prot'\n\(Did you mean --port\?\)/,
      ],
      [['start', '--emulator', '--port', 'eighty'], /Not a port/],
      [['start', '--emulator', '--name', 'My_Session'], /--name My_Session: must be 1 to 40/],
      [['statsu'], /unknown command 'statsu'\n\(Did you mean status\?\)/],
    ];
    for (const [args, message] of cases) {
      const client = runClient(t, stateDir, args, { DATALAB_CONTENT_DIR: temporaryFolder(t) });
      assert.equal(await client.ended, 1, args.join(' '));
      assert.match(client.stderr(), message);
    }
    await untilNoProcess(stateDir);
  });

  it('port taken: the next free one, unless --port was given', async (t) => {
    if (!requireProgram(t, JUPYTER)) return;
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    t.after(() => taken.close());
    const { port } = taken.address() as { port: number };
    const stateDir = temporaryFolder(t);
    const client = start(t, stateDir, temporaryFolder(t), ['--port', String(port)]);
    assert.equal(await client.ended, 1);
    const last = client.events.at(-1);
    assert.equal(last?.event, 'error');
    assert.match(last.message ?? '', new RegExp(`${port}.*--port`, 's'));
    assert.ok(!client.events.some((event) => event.stage === 'Emulator'), 'nothing was started');

    // If another program of this machine has the default port, all the better.
    const onDefault = createServer().on('error', () => undefined);
    onDefault.listen(8081, '127.0.0.1');
    t.after(() => onDefault.close());
    const next = start(t, stateDir, temporaryFolder(t));
    const { gateway } = await next.ready();
    assert.notEqual(new URL(gateway.url).port, '8081');
    next.signal('SIGINT');
    assert.equal(await next.ended, 0);
    await untilNoProcess(stateDir);
  });

  it('the gateway never answers: FAILED, with where to look, and the instance is kept', async (t) => {
    if (!requireProgram(t, JUPYTER)) return;
    const stateDir = temporaryFolder(t);
    const env = {
      DATALAB_FUNCTIONS_BOOT_TIMEOUT_SECONDS: '0.05',
      DATALAB_FUNCTIONS_OBSERVE_INTERVAL_SECONDS: '0.1',
    };
    const client = runClient(
      t,
      stateDir,
      ['start', '--emulator', '--json', temporaryFolder(t)],
      env,
    );
    assert.equal(await client.ended, 1);
    assert.match(
      client.events.at(-1)?.message ?? '',
      /did not register|does not answer.*which is kept/,
    );
    await untilNoProcess(stateDir);
  });
});

function start(
  t: TestContext,
  stateDir: string,
  content: string,
  more: string[] = [],
): RunningClient {
  return runClient(t, stateDir, [
    'start',
    '--emulator',
    '--json',
    '--ui',
    'none',
    content,
    ...more,
  ]);
}

/** Standard output of a verb that succeeds. */
async function text(t: TestContext, stateDir: string, ...args: string[]): Promise<string> {
  const client = runClient(t, stateDir, [...args, '--emulator']);
  assert.equal(await client.ended, 0, client.stderr());
  return client.events.map((event) => String(event['line'])).join('\n');
}
