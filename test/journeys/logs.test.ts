// Where a person looks when something is wrong: every log of a session on the emulator, with the real program and Jupyter.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { startBackend } from '../helpers/backend.ts';
import { PROGRAM, runClient, type ClientEvent } from '../helpers/client.ts';
import { newKernel, run } from '../helpers/jupyter-front-end.ts';
import { requireProgram } from '../helpers/requires.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';

const EMULATOR = ['--emulator', '--lines', '1000'];
const PRINT = 'import os; _ = os.system("echo printed by a program that a cell has started")';

describe('datalab-client logs', () => {
  it('shows the build, the gateway, the agent and the machine, and follows to the session’s end', async (t) => {
    if (!requireProgram(t, '/usr/bin/jupyter-server')) return;
    const stateDir = temporaryFolder(t);
    const folder = path.join(stateDir, 'emulator');
    const backend = await startBackend(t, { seedGateway: false, stateDir: folder });
    const { you } = backend;
    const show = async (...args: string[]) => {
      const client = runClient(t, stateDir, ['logs', ...args]);
      const code = await client.ended;
      return {
        code,
        lines: client.events.map(textOf),
        events: client.events,
        stderr: client.stderr(),
      };
    };
    const none = await show('build', ...EMULATOR);
    assert.deepEqual([none.code, none.lines], [0, []]);
    assert.match(none.stderr, /No build .*datalab-client image status --emulator/);

    const { id } = await you.create();
    const ready = await you.settle(id, 'READY');
    assert.ok(ready !== 'GONE');
    const instance = ready.instance?.name ?? '';
    const build = await show('build', ...EMULATOR);
    assert.ok(build.lines.some((line) => /^\d\d:\d\d:\d\d Step #1 - "image": Step \d/.test(line)));
    const vm = await show('vm', ...EMULATOR);
    assert.ok(vm.lines.includes(`${instance}-gateway`), vm.lines.join('\n'));
    const agent = await show('agent', ...EMULATOR, '--json');
    const registered = agent.events.find(({ text }) =>
      String(text).includes('"event":"registered"'),
    );
    assert.match(String(registered?.['time']), /^\d{4}-.*Z$/);
    await until('the gateway’s first lines', async () => {
      const { lines } = await show('gateway', ...EMULATOR);
      assert.ok(!lines.some((line) => /token=[0-9a-f]/.test(line)));
      return lines.some((line) => /^\d\d:\d\d:\d\d .*Jupyter Server .* is running at/.test(line));
    });

    const following = runClient(t, stateDir, ['logs', '--follow', '--emulator']);
    await following.event('what was there', (event) => textOf(event).includes('is running at'));
    const gateway = await you.gateway(id);
    await run(gateway, await newKernel(gateway), PRINT);
    const later = 'printed by a program';
    await following.event('a later line', (event) => textOf(event).includes(later));
    assert.equal(following.events.filter((event) => textOf(event).includes(later)).length, 1);
    following.signal('SIGINT');
    assert.equal(await following.ended, 0);

    const piped = `"$0" "$1" logs vm --emulator | head -n 1; exit \${PIPESTATUS[0]}`;
    const env = { ...process.env, DATALAB_STATE_DIR: stateDir };
    const head = await promisify(execFile)('bash', ['-c', piped, process.execPath, PROGRAM], {
      env,
    });
    assert.equal(head.stderr, '');

    const other = await backend.another('other@example.com');
    const refused = await other.refused('GET', `/v1/sessions/${id}:logs?source=gateway`);
    assert.deepEqual(
      [refused.status, refused.message],
      ['NOT_FOUND', `There is no session ${id}.`],
    );

    await you.ok('POST', `/v1/sessions/${id}:stop`);
    await you.settle(id, 'STOPPED');
    const off = await show('vm', '--emulator');
    assert.equal(off.code, 1);
    assert.match(off.stderr, /Session default is STOPPED: .*Start the session/);
    const kept = await show('gateway', ...EMULATOR);
    assert.ok(
      kept.lines.some((line) => line.includes(later)),
      'it stays readable',
    );

    const untilDeleted = runClient(t, stateDir, ['logs', 'agent', '--follow', '--emulator']);
    await untilDeleted.event('what was there', (event) => textOf(event).includes('registered'));
    await you.ok('DELETE', `/v1/sessions/${id}`);
    await you.settle(id, 'GONE');
    assert.equal(await untilDeleted.ended, 0);
    assert.match(untilDeleted.stderr(), /There is no session .* Its logs end here\./);
    const gone = await show('gateway', '--emulator');
    assert.equal(gone.code, 1);
    assert.match(gone.stderr, /You have no session named default.*datalab-client start/);
  });
});

function textOf(event: ClientEvent): string {
  const text = event['line'] ?? event['text'];
  return typeof text === 'string' ? text : '';
}
