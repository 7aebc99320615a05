// What a kernel's front-ends get of it, whatever breaks between them: the agent with a real Jupyter behind it and a relay
// that the test plays in front.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { missingJupyter, startJupyterGateway } from '../helpers/jupyter-gateway.ts';
import type { JupyterGateway } from '../helpers/jupyter-gateway.ts';
import { until } from '../helpers/until.ts';
import type { RunningAgent } from './agent-fixture.ts';
import { runAgent } from './agent-fixture.ts';
import { ACCESS_TOKEN } from './api-server.ts';
import { KernelClient, V1 } from './kernel-client.ts';
import { RelayClient } from './relay-client.ts';

const skip = missingJupyter();

describe('a kernel behind the agent', { skip, timeout: 240_000 }, () => {
  let gateway: JupyterGateway;
  let agent: RunningAgent;
  before(async () => {
    gateway = await startJupyterGateway();
    agent = await runAgent(gateway);
    await until('registered', async () => (await agent.request('/api/kernels')).status === 200);
  });
  after(async () => {
    await agent.stop();
    await gateway.stop();
  });

  const startKernel = async (): Promise<string> => {
    const answer = await agent.request('/api/kernels', { method: 'POST', body: '{}' });
    return ((await answer.json()) as { id: string }).id;
  };
  const open = async (t: TestContext, kernelId?: string): Promise<RelayClient> => {
    const relay = new RelayClient(agent.url, kernelId ?? (await startKernel()));
    await relay.connect();
    t.after(() => {
      relay.cut();
    });
    return relay;
  };

  it('goes on with a channel that was cut: nothing is missing, nothing comes twice', async (t) => {
    const relay = await open(t);
    const id = relay.execute('import time\nfor i in range(60): print(i); time.sleep(0.05)');
    for (const count of [5, 20, 40]) {
      await until('some output', () => relay.textOf(id).split('\n').length > count);
      relay.cut();
      await relay.connect();
      assert.equal(relay.welcome?.isResumed, true);
    }
    assert.equal((await relay.reply(id))['status'], 'ok');
    assert.equal(relay.textOf(id), Array.from({ length: 60 }, (_, i) => `${i}\n`).join(''));
  });

  it('runs a cell once that is sent again because its acknowledgement was lost', async (t) => {
    const relay = await open(t);
    const first = relay.execute('runs = []');
    await relay.reply(first);
    const ids = [1, 2, 3].map((n) => relay.execute(`runs.append(${n})`));
    relay.cut();
    await relay.connect();
    const last = relay.execute('print(runs)');
    await relay.reply(last);
    assert.equal(relay.textOf(last), '[1, 2, 3]\n');
    for (const id of ids) assert.equal((await relay.reply(id))['status'], 'ok');
  });

  it('aborts what was sent before its page saw the error before it', async (t) => {
    const relay = await open(t);
    await relay.reply(relay.execute('runs = []'));
    const before = relay.received;
    const failing = relay.execute('1 / 0');
    const queued = relay.execute('runs.append("queued")');
    assert.equal((await relay.reply(failing))['status'], 'error');
    assert.equal((await relay.reply(queued))['status'], 'aborted');
    const late = relay.execute('runs.append("late")', { seen: before });
    assert.equal((await relay.reply(late))['status'], 'aborted');
    assert.equal(await printed(relay, 'print(runs)'), '[]\n');
  });

  it('aborts a cell that waited while another page used the kernel, and says why', async (t) => {
    const kernelId = await startKernel();
    const one = await open(t, kernelId);
    const other = await open(t, kernelId);
    await one.reply(one.execute('x = 1'));
    const before = one.received;
    await other.reply(other.execute('x = 2'));
    const held = one.execute('x = 3', { seen: before, waited: 60_000 });
    assert.equal((await one.reply(held))['status'], 'aborted');
    assert.match(one.textOf(held), /another page used the kernel/);
    const check = other.execute('print(x)');
    await other.reply(check);
    assert.equal(other.textOf(check), '2\n');
    await until('the other page’s output', () => one.textOf(check) === '2\n');
    assert.ok(
      !one.messages.some(
        ({ header, parent }) => parent.msg_id === check && header.msg_type === 'execute_reply',
      ),
    );
  });

  it('aborts what waits when the kernel is restarted, or dies', async (t) => {
    const kernelId = await startKernel();
    const relay = await open(t, kernelId);
    const running = relay.execute('import time; time.sleep(60)');
    const queued = relay.execute('print("queued")');
    await until('it runs', () => relay.messages.some(({ parent }) => parent.msg_id === running));
    const answer = await agent.request(`/api/kernels/${kernelId}/restart`, { method: 'POST' });
    assert.equal(answer.status, 200);
    // The gateway interrupts what runs before it ends the kernel.
    assert.match(String((await relay.reply(running))['status']), /^(error|aborted)$/);
    assert.equal((await relay.reply(queued))['status'], 'aborted');
    assert.match(relay.textOf(queued), /restarted/);
    assert.equal(await printed(relay, 'print("alive")'), 'alive\n');
    const deadly = relay.execute('import os; os._exit(1)');
    const behind = relay.execute('print("behind")');
    assert.equal((await relay.reply(deadly))['status'], 'aborted');
    assert.match(relay.textOf(behind), /died/);
    assert.equal(await printed(relay, 'print("again")'), 'again\n');
  });

  it('answers a page that has it started anew by a message', async (t) => {
    const page = await KernelClient.open(agent.url, await startKernel(), ACCESS_TOKEN, [V1]);
    t.after(() => page.close());
    await page.idle(page.execute('x = 1'));
    const id = page.send('control', 'shutdown_request', { restart: true });
    const { content } = await page.next('shutdown_reply', id);
    assert.deepEqual(content, { status: 'ok', restart: true });
    const anew = page.execute('print("x" in globals())');
    await page.idle(anew);
    assert.equal(page.textOf(anew), 'False\n');
  });

  it('tells its front-ends when it has ended', async (t) => {
    const kernelId = await startKernel();
    const relay = await open(t, kernelId);
    await agent.request(`/api/kernels/${kernelId}`, { method: 'DELETE' });
    await until('it is told', () => relay.deadReason !== undefined);
  });
});

/** What a cell prints that is sent in the knowledge of everything. */
async function printed(relay: RelayClient, code: string): Promise<string> {
  const id = relay.execute(code, { seen: relay.received + 1000 });
  assert.equal((await relay.reply(id))['status'], 'ok');
  await until('its end', () => relay.hasEnded(id));
  return relay.textOf(id);
}
