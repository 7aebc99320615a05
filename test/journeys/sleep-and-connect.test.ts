// A session's sleep while `start` sits on a terminal, and other front-ends beside it, with real kernels.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { describe, it, type TestContext } from 'node:test';
import { z } from 'zod';
import { createApi, type Api } from '../../client/api/api.ts';
import { signIn } from '../emulator/cloud-fixture.ts';
import { runClient } from '../helpers/client.ts';
import { kernelsOf, newKernel, run, type Gateway } from '../helpers/jupyter-front-end.ts';
import { requireProgram } from '../helpers/requires.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { CTRL_C, ENTER, runOnTerminal, type RunningTerminal } from '../helpers/pseudo-terminal.ts';
import { until } from '../helpers/until.ts';

const NEEDED = ['/usr/bin/jupyter-server', '/usr/bin/jupyter-notebook', '/usr/bin/python3'];

// Side by side: the first waits for the next look of its client, of which there is one every 15 s.
describe('a client in front of real kernels', { concurrency: true }, () => {
  describe('a start on a terminal', () => {
    it('outlives the sleep of its session, whose variables are still there', async (t) => {
      if (!NEEDED.every((program) => requireProgram(t, program))) return;
      const { stateDir, api } = await startEmulator(t);
      const content = temporaryFolder(t);
      const env = { DATALAB_STATE_DIR: stateDir };
      const args = ['start', '--emulator', '--no-browser', content];
      const terminal = runOnTerminal(t, args, { env });
      await terminal.shows(/READY · no kernels · connected/, 60);
      const gateway = gatewayOf(terminal);
      const kernel = await newKernel(gateway);
      await run(gateway, kernel, 'x = 41');
      const [session] = await api.listSessions();
      assert.ok(session);

      await api.suspendSession(session.id);
      await terminal.shows(/SUSPENDED · press Enter to wake it/);
      const refusal = await fetch(`${gateway.url}/api/kernels`, { headers: headersOf(gateway) });
      assert.equal(refusal.status, 503);
      assert.match(
        await refusal.text(),
        /Session default is SUSPENDED: kernels and variables kept/,
      );
      const page = await fetch(`${gateway.url}/api/contents`, { headers: headersOf(gateway) });
      assert.equal(page.status, 200, 'notebooks can still be saved');
      await until('Enter wakes it', async () => {
        terminal.type(ENTER);
        return (await api.getSession(session.id)).want === 'running';
      });
      await terminal.shows(/SUSPENDED[^]*READY · 1 kernel.* · connected/);
      assert.equal((await run(gateway, kernel, 'x + 1')).trim(), '42');

      await api.stopSession(session.id);
      await terminal.shows(/STOPPED · press Enter to start it/);
      const second = runClient(t, stateDir, ['start', '--emulator', '--json', content]);
      const again = await second.ready();
      assert.equal(again.session.state, 'READY', 'a second start wakes it');
      assert.equal(again.ui?.url, urlOf(terminal), 'and has the first one’s pages');
      assert.equal((await run(gateway, await newKernel(gateway), '6*7')).trim(), '42');
      terminal.type(CTRL_C);
      assert.equal(await terminal.ended, 0);
      assert.equal(await second.ended, 0);
    });
  });

  describe('connect', () => {
    it('shows the kernels of the start beside it, to scripts and to a Jupyter of one’s own', async (t) => {
      if (!NEEDED.every((program) => requireProgram(t, program))) return;
      const stateDir = temporaryFolder(t);
      const content = temporaryFolder(t);
      const common = ['--emulator', '--json', content];
      const first = runClient(t, stateDir, ['start', '--ui', 'none', ...common]);
      const started = await first.ready();
      const kernel = await newKernel(started.gateway);
      await run(started.gateway, kernel, 'x = 41');
      const second = runClient(t, stateDir, ['connect', ...common]);
      const connected = await second.ready();
      assert.equal(connected.ui, null);
      assert.notEqual(connected.gateway.url, started.gateway.url);
      assert.notEqual(connected.gateway.token, started.gateway.token);
      assert.deepEqual(await kernelsOf(connected.gateway), [kernel]);
      assert.equal((await run(connected.gateway, kernel, 'x + 1')).trim(), '42');

      const own = await startOwnJupyter(t, connected.gateway);
      assert.equal((await run(own, await newKernel(own), '6*7')).trim(), '42');
      assert.equal((await kernelsOf(started.gateway)).length, 2);
      second.signal('SIGINT');
      assert.equal(await second.ended, 0);
      assert.equal((await run(started.gateway, kernel, 'x + 1')).trim(), '42');
      first.signal('SIGINT');
      assert.equal(await first.ended, 0);
    });
  });
});

/** As `connect` says it is to be started. */
async function startOwnJupyter(t: TestContext, gateway: Gateway): Promise<Gateway> {
  const port = await freePort();
  const folder = temporaryFolder(t);
  const open = ['--NotebookApp.token=', '--NotebookApp.disable_check_xsrf=True'];
  const args = ['--no-browser', '--allow-root', `--port=${port}`, ...open];
  const server = spawn('/usr/bin/jupyter-notebook', [...args, `--gateway-url=${gateway.url}`], {
    cwd: folder,
    env: { ...process.env, HOME: folder, JUPYTER_GATEWAY_AUTH_TOKEN: gateway.token },
    stdio: 'ignore',
  });
  t.after(async () => {
    server.kill('SIGKILL');
    await once(server, 'exit');
  });
  const own = { url: `http://127.0.0.1:${port}`, token: '' };
  await until('it answers', async () => {
    const answer = await fetch(`${own.url}/api`).catch(() => undefined);
    return answer?.ok;
  });
  return own;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** One that runs by itself, and the API as the same user calls it. */
async function startEmulator(t: TestContext): Promise<{ stateDir: string; api: Api }> {
  const stateDir = temporaryFolder(t);
  const emulator = runClient(t, stateDir, ['emulator', '--json']);
  const announced = z
    .object({ credentials: z.string(), urls: z.object({ api: z.string() }) })
    .parse(await emulator.ready());
  const signal = new AbortController().signal;
  const idToken = async () => (await signIn(announced.credentials)).id_token;
  return { stateDir, api: createApi({ url: announced.urls.api, idToken, signal }) };
}

function urlOf(terminal: RunningTerminal): string {
  return /Notebooks: (\S+)/.exec(terminal.text())?.[1] ?? '';
}

function gatewayOf(terminal: RunningTerminal): Gateway {
  const url = new URL(urlOf(terminal));
  return { url: url.origin, token: url.searchParams.get('token') ?? '' };
}

function headersOf({ token }: Gateway): Record<string, string> {
  return { authorization: `token ${token}` };
}
