import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline/promises';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { Client } from 'undici';
import { WebSocket } from 'ws';
import type { UiProgram } from '../../client/jupyter/jupyter-programs.ts';
import { findJupyter } from '../../client/jupyter/jupyter-programs.ts';
import type { UiServerOptions } from '../../client/jupyter/ui-server.ts';
import { startUiServer } from '../../client/jupyter/ui-server.ts';
import { requireProgram } from '../helpers/requires.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { systemClock } from '../../client/clock.ts';
import { until } from '../helpers/until.ts';
import { writeScript } from './stand-in-debian.ts';

const { ui: installed } = await findJupyter(process.env);

/** The UI server's program; without one the test is skipped, or fails where CI=true. */
function requireUi(t: TestContext): UiProgram | undefined {
  if (!installed) requireProgram(t, '/usr/bin/jupyter-notebook');
  return installed;
}

function optionsFor(t: TestContext, program: UiProgram): UiServerOptions {
  const folder = temporaryFolder(t);
  const contentDir = path.join(folder, 'my notebooks');
  mkdirSync(contentDir);
  return {
    ...{ program, contentDir, stateDir: path.join(folder, 'state'), environment: process.env },
    ...{ isRoot: process.getuid?.() === 0, clock: systemClock },
  };
}

async function get(socketPath: string, where: string): Promise<{ status: number; text: string }> {
  const client = new Client('http://localhost', { socketPath });
  const answer = await client.request({ method: 'GET', path: where });
  const text = await answer.body.text();
  await client.close();
  return { status: answer.statusCode, text };
}

/** Processes that carry the server's mark. */
function processesOf(socketPath: string): string[] {
  const mark = `DATALAB_UI_SERVER=${path.dirname(socketPath)}`;
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(mark);
    } catch {
      return false;
    }
  });
}

/** A program in a terminal that ignores what a terminal's end sends. */
async function startStubbornProgram(socketPath: string): Promise<void> {
  const client = new Client('http://localhost', { socketPath });
  const pair = 'ab'.repeat(16);
  const headers = { cookie: `_xsrf=${pair}`, 'x-xsrftoken': pair };
  const made = await client.request({ method: 'POST', path: '/api/terminals', headers });
  const { name } = (await made.body.json()) as { name: string };
  await client.close();
  const socket = new WebSocket(`ws://localhost/terminals/websocket/${name}`, {
    createConnection: () => connect(socketPath),
  });
  await once(socket, 'open');
  const command = `(trap '' HUP TERM; setsid bash -c 'while :; do sleep 1; done') & echo started-$((40 + 2))\r`;
  let output = '';
  socket.on('message', (data: Buffer) => (output += data.toString()));
  socket.send(JSON.stringify(['stdin', command]));
  await until('the program runs', () => output.includes('started-42'));
  socket.terminate();
}

describe('the UI server', () => {
  it('serves the content directory on a socket of its own, and keeps its files in its state folder', async (t) => {
    const program = requireUi(t);
    if (!program) return;
    const options = optionsFor(t, program);
    const server = await startUiServer(options);
    t.after(() => server.stop());
    assert.equal(statSync(server.socketPath).mode & 0o777, 0o600);
    assert.equal(statSync(path.dirname(server.socketPath)).mode & 0o777, 0o700);
    assert.ok(Buffer.byteLength(server.socketPath) < 108);
    assert.equal(server.version, program.version);
    assert.equal((await get(server.socketPath, server.startPath)).status, 200);
    assert.ok(existsSync(path.join(options.stateDir, 'jupyter', 'runtime')));
    assert.match(readFileSync(server.logFile, 'utf8'), /running at/);
  });

  it('ends with every terminal when it is told to', async (t) => {
    const program = requireUi(t);
    if (!program) return;
    const server = await startUiServer(optionsFor(t, program));
    await startStubbornProgram(server.socketPath);
    assert.ok(processesOf(server.socketPath).length > 2);
    await server.stop();
    // Asked, not killed. Over a terminal that does not end, Jupyter ends with 0 or with 1.
    const { code, lastLines } = await server.ended;
    assert.ok(code === 0 || code === 1, `${code} ${lastLines}`);
    assert.deepEqual(processesOf(server.socketPath), []);
    assert.ok(!existsSync(path.dirname(server.socketPath)));
  });

  it('ends with every terminal when the client is killed', async (t) => {
    if (!requireUi(t)) return;
    const folder = temporaryFolder(t);
    const file = path.join(import.meta.dirname, 'ui-server-parent.ts');
    const parent = spawn(process.execPath, [file, folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines = createInterface(parent.stdout);
    const [line] = (await once(lines, 'line')) as [string];
    const { socketPath } = JSON.parse(line) as { socketPath: string };
    await startStubbornProgram(socketPath);
    assert.ok(processesOf(socketPath).length > 2);
    parent.kill('SIGKILL');
    await until('nothing is left', () => processesOf(socketPath).length === 0, 15);
    await until('its folder is gone', () => !existsSync(path.dirname(socketPath)), 15);
  });

  it('says how it ended when it ends by itself', async (t) => {
    const program = requireUi(t);
    if (!program) return;
    const server = await startUiServer(optionsFor(t, program));
    t.after(() => server.stop());
    const [pid] = processesOf(server.socketPath);
    process.kill(Number(pid), 'SIGKILL');
    const { code, lastLines } = await server.ended;
    assert.equal(code, 137);
    assert.match(lastLines, /running at/);
  });

  it('that does not start shows the end of its log and what to do without it', async (t) => {
    const broken = path.join(temporaryFolder(t), 'jupyter-lab');
    writeScript(broken, `echo "ImportError: no module named jupyterlab"; exit 1`);
    const options = optionsFor(t, { kind: 'lab', path: broken, version: '4.0.11' });
    await assert.rejects(startUiServer(options), /ended with 1.*--ui none[^]*ImportError/);
  });

  it('that is cancelled while it starts leaves nothing behind', async (t) => {
    const slow = path.join(temporaryFolder(t), 'jupyter-lab');
    writeScript(slow, 'while :; do sleep 0.1; done');
    const options = optionsFor(t, { kind: 'lab', path: slow, version: '4.0.11' });
    const parent = temporaryFolder(t);
    const abort = new AbortController();
    const environment = { ...process.env, TMPDIR: parent };
    const starting = startUiServer({ ...options, environment, signal: abort.signal });
    const begun = until('it is started', () => {
      const [folder] = readdirSync(parent);
      return folder !== undefined && processesOf(path.join(parent, folder, 'ui')).length > 0;
    });
    await Promise.all([
      assert.rejects(starting, /interrupted/),
      begun.then(() => {
        abort.abort(new Error('interrupted'));
      }),
    ]);
    assert.deepEqual(readdirSync(parent), []);
  });

  it('has a socket path that fits, however long the temporary folder’s name is', async (t) => {
    const program = requireUi(t);
    if (!program) return;
    const long = path.join(temporaryFolder(t), 'x'.repeat(100));
    mkdirSync(long);
    const environment = { ...process.env, TMPDIR: long };
    const server = await startUiServer({ ...optionsFor(t, program), environment });
    await server.stop();
    assert.ok(server.socketPath.startsWith('/tmp/datalab-'));
  });
});
