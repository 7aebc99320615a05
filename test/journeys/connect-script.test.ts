// `datalab-client connect` for a script of somebody's own, in Python: every call that one makes of kernels.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { runClient, untilNoProcess } from '../helpers/client.ts';
import { requireProgram } from '../helpers/requires.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const run = promisify(execFile);

const PYTHON = '/usr/bin/python3';
const SCRIPT = path.join(import.meta.dirname, '../helpers/kernel-script.py');

const WAYS = [
  ['header', 'v1', 'v1.kernel.websocket.jupyter.org'],
  ['query', 'plain', null],
] as const;

const SEEN = {
  ...{ default: true, created: 201, listed: true },
  ...{ printed: ['x is 41\n', 'ok'], result: ['42', 'ok'] },
  interrupted: ['begun\nKeyboardInterrupt', 'error'],
  ...{ restarted: 200, afterRestart: ['NameError', 'error'] },
  ...{ deleted: 204, thenThere: 404 },
};

describe('connect', () => {
  it('serves a script, with its token in a header or the query, and either sub-protocol', async (t) => {
    if (![PYTHON, '/usr/bin/jupyter-server'].every((one) => requireProgram(t, one))) return;
    const stateDir = temporaryFolder(t);
    const args = ['connect', '--emulator', '--json', temporaryFolder(t)];
    const client = runClient(t, stateDir, args);
    const { gateway } = await client.ready();
    for (const [place, protocol, subprotocol] of WAYS) {
      const given = [SCRIPT, gateway.url, gateway.token, place, protocol];
      const { stdout } = await run(PYTHON, given, { timeout: 90_000 });
      const what = `token in the ${place}, ${protocol}`;
      assert.deepEqual(JSON.parse(stdout), { ...SEEN, subprotocol }, what);
    }
    const refused = await fetch(`${gateway.url}/api/kernels?token=another`);
    assert.equal(refused.status, 401);
    client.signal('SIGINT');
    assert.equal(await client.ended, 0);
    await untilNoProcess(stateDir);
  });
});
