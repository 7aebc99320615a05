// The agent as a program in front of a real Jupyter, asked to sleep: what it agrees to, what becomes of a cell that is
// run meanwhile, when it switches the machine off, what it notices of a sleep.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { IdleAction, ReportRequest } from '../../functions/contract.ts';
import type { JupyterGateway } from '../helpers/jupyter-gateway.ts';
import { missingJupyter, startJupyterGateway } from '../helpers/jupyter-gateway.ts';
import { until } from '../helpers/until.ts';
import type { ApiServer } from './api-server.ts';
import { ACCESS_TOKEN, startApiServer } from './api-server.ts';
import { KernelClient, V1 } from './kernel-client.ts';

const BIN = fileURLToPath(new URL('../../agent/bin.ts', import.meta.url));
const COMPUTE = [
  'import threading',
  'is_wanted = True',
  'def compute():',
  '    while is_wanted: pass',
  'threading.Thread(target=compute, daemon=True).start()',
].join('\n');

const limits = { skip: missingJupyter(), timeout: 240_000 };

// Side by side: they wait for reports.
describe('an agent', { concurrency: true }, () => {
  describe('that is asked to sleep, or whom nobody asks for', { ...limits, concurrency: 1 }, () => {
    const gateway = gatewayOfAll();

    it('agrees while its kernels are idle, and runs a cell that comes then once, when it is awake', async (t) => {
      const world = await start(t, gateway());
      const client = await world.kernel();
      await client.idle(client.execute('runs = []'));
      assert.equal((await world.prepare('n1', 'suspend')).isAgreed, true);
      const agreed = world.api.reports.at(-1);
      assert.ok(agreed?.sleep && agreed.sleep.forSeconds > 50 && agreed.sleep.forSeconds <= 60);

      const first = client.execute('runs.append(1)');
      const second = client.execute('runs.append(2); print(runs)');
      const early = await until('the API hears of it', () => world.reportAfter(agreed));
      const kernel = early.kernels.find(({ id }) => id === world.kernelId);
      // A cell waits for it: that is no machine to put to sleep.
      assert.equal(kernel?.state, 'busy');
      const another = world.request('POST', '/api/kernels');
      assert.equal((await world.request('GET', '/api/kernels')).status, 200);
      const late = world.open();
      assert.ok(!client.messages.some(({ parent_header }) => parent_header.msg_id === first));

      world.api.isAwake = true;
      await client.idle(second);
      assert.equal(client.textOf(second), '[1, 2]\n');
      assert.equal((await another).status, 201);
      await (await late).close();
      assert.deepEqual(world.api.violations, []);
    });

    it('delivers what a page has sent before it went', async (t) => {
      const world = await start(t, gateway());
      const client = await world.kernel();
      await client.idle(client.execute('left = []'));
      await world.prepare('n1', 'suspend');
      client.execute('left.append("a word")');
      await client.close().catch(() => undefined);
      const closed = world.api.reports.length;
      await until('another report', () => world.api.reports.length > closed);
      world.api.isAwake = true;
      const later = await world.open();
      await until('it has run', async () => {
        const id = later.execute('print(left)');
        await later.idle(id);
        return later.textOf(id) === "['a word']\n";
      });
      await later.close();
    });

    it('switches a machine off that nobody has asked for, and not while a cell runs', async (t) => {
      const world = await start(t, gateway());
      const client = await world.kernel();
      world.api.deadManSeconds = 3;
      const id = client.execute('import time; time.sleep(8)');
      await until('busy', () => world.api.lastKernel(world.kernelId)?.state === 'busy');
      world.api.failWith = 404;
      await client.idle(id);
      assert.equal(world.agent.exitCode, null);
      assert.deepEqual(await world.exit, [0, null]);
    });
  });

  describe('that is asked to stop its machine', { ...limits, concurrency: 1 }, () => {
    const gateway = gatewayOfAll();

    it('ends with 0 when it is told to switch off', async (t) => {
      const world = await start(t, gateway());
      const client = await world.kernel();
      await client.idle(client.execute('1'));
      assert.equal((await world.prepare('n1', 'stop')).isAgreed, true);
      world.api.sleep = { nonce: 'n1', action: 'switchOff', by: 'stop' };
      assert.deepEqual(await world.exit, [0, null]);
    });

    it('runs a cell that comes before it is switched off for a stop, and stays on', async (t) => {
      const world = await start(t, gateway());
      const client = await world.kernel();
      await client.idle(client.execute('1'));
      assert.equal((await world.prepare('n1', 'stop')).isAgreed, true);
      const id = client.execute('6 * 7');
      await client.next('execute_result', id);
      await until('it takes its word back', () =>
        world.api.reports.some(({ sleep }) => sleep?.nonce === 'n1' && !sleep.isAgreed),
      );
      const before = world.api.reports.length;
      world.api.sleep = { nonce: 'n1', action: 'switchOff', by: 'stop' };
      await until('it refuses', () =>
        world.api.reports.slice(before).some(({ sleep }) => sleep?.isAgreed === false),
      );
      await client.idle(client.execute('1'));
      assert.equal(world.agent.exitCode, null);
      await client.close();
    });

    it('does not stop while a thread computes, but suspends', async (t) => {
      const world = await start(t, gateway());
      const client = await world.kernel();
      await client.idle(client.execute(COMPUTE));
      await until('idle for Jupyter', () => world.api.lastKernel(world.kernelId)?.state === 'idle');
      assert.equal((await world.prepare('n1', 'stop')).isAgreed, false);
      assert.equal((await world.prepare('n2', 'suspend')).isAgreed, true);
      world.api.isAwake = true;
      await client.idle(client.execute('is_wanted = False'));
      assert.equal((await world.prepare('n3', 'delete')).isAgreed, true);
    });
  });

  describe('whose gateway stands still, or its machine', { ...limits, concurrency: 1 }, () => {
    const gateway = gatewayOfAll();

    it('refuses while a cell runs, and while the gateway does not answer', async (t) => {
      const world = await start(t, gateway());
      const client = await world.kernel();
      const id = client.execute('import time; print("on"); time.sleep(4)');
      await client.next('stream', id);
      assert.equal((await world.prepare('n1', 'suspend')).isAgreed, false);
      await client.idle(id);
      gateway().freeze();
      t.after(() => {
        gateway().thaw();
      });
      assert.equal((await world.prepare('n2', 'suspend')).isAgreed, false);
      gateway().thaw();
      await client.idle(client.execute('1'));
      await client.close();
    });

    it('reports a wake at once, over a new connection, when it was frozen', async (t) => {
      const world = await start(t, gateway());
      world.api.isSilent = true;
      const hanging = await until('a report that hangs', () => world.nextReport());
      assert.equal(hanging.wake, 0);
      world.agent.kill('SIGSTOP');
      const end = Date.now() + 11_000;
      await until('it was frozen for long enough', () => Date.now() > end);
      world.api.isSilent = false;
      const thawed = Date.now();
      world.agent.kill('SIGCONT');
      const woken = await until('a report', () => world.reportAfter(hanging));
      assert.equal(woken.wake, 1);
      assert.ok(woken.sequence > hanging.sequence);
      assert.ok(Date.now() - thawed < 10_000, 'not at once');
      assert.deepEqual(world.api.violations, []);
    });
  });
});

/** One for all tests of a suite. */
function gatewayOfAll(): () => JupyterGateway {
  let gateway: JupyterGateway;
  before(async () => {
    gateway = await startJupyterGateway();
  });
  after(async () => {
    await gateway.stop();
  });
  return () => gateway;
}

interface World {
  api: ApiServer;
  agent: ChildProcess;
  exit: Promise<unknown[]>;
  kernelId: string;
  /** A client of a kernel of its own. */
  kernel(): Promise<KernelClient>;
  /** Another client of that kernel. */
  open(): Promise<KernelClient>;
  request(method: string, path: string): Promise<Response>;
  /** The API asks; the agent's answer. */
  prepare(nonce: string, by: IdleAction): Promise<NonNullable<ReportRequest['sleep']>>;
  nextReport(): ReportRequest | undefined;
  reportAfter(report: ReportRequest | undefined): ReportRequest | undefined;
}

async function start(t: TestContext, gateway: JupyterGateway): Promise<World> {
  const api = await startApiServer();
  api.reportIntervalSeconds = 1;
  const agent = spawn(process.execPath, [BIN], {
    env: {
      PATH: process.env['PATH'],
      AGENT_ADDRESS: '127.0.0.1',
      AGENT_PORT: '0',
      GATEWAY_URL: gateway.url,
      GATEWAY_TOKEN_FILE: gateway.tokenFile,
      AGENT_STATE_DIR: join(dirname(gateway.tokenFile), 'agent'),
      API_URL: api.url,
      SESSION_ID: 's1',
      GCE_METADATA_HOST: api.metadataHost,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exit = once(agent, 'exit');
  let log = '';
  agent.stderr.on('data', (data) => (log += String(data)));
  t.after(async () => {
    agent.kill('SIGKILL');
    await api.close();
    await gateway.shutDownKernels();
  });
  const port = await until('the front door', () => /"port":(\d+)/.exec(log)?.[1]);
  const url = `http://127.0.0.1:${port}`;
  await until('the gateway', () => api.reports.at(-1)?.gatewayReady);
  const request = (method: string, path: string) =>
    fetch(url + path, {
      method,
      headers: { Authorization: `Bearer ${ACCESS_TOKEN}` },
      ...(method === 'POST' && { body: '{}' }),
    });
  const world: World = {
    api,
    agent,
    exit,
    kernelId: '',
    kernel: async () => {
      const answer = (await (await request('POST', '/api/kernels')).json()) as { id: string };
      world.kernelId = answer.id;
      return await world.open();
    },
    open: () => KernelClient.open(url, world.kernelId, ACCESS_TOKEN, [V1]),
    request,
    prepare: async (nonce, by) => {
      api.isAwake = false;
      api.sleep = { nonce, action: 'prepare', by };
      return await until(`an answer to ${nonce}`, () =>
        api.reports.map(({ sleep }) => sleep).find((sleep) => sleep?.nonce === nonce),
      );
    },
    nextReport: () => {
      const last = api.reports.at(-1);
      return last && api.reports.length > known ? last : undefined;
    },
    reportAfter: (report) => api.reports[api.reports.findIndex((one) => one === report) + 1],
  };
  const known = api.reports.length;
  return world;
}
