// The whole agent in front of a real Jupyter: HTTP and both WebSocket protocols pass, what its kernels do is reported,
// and a gateway that is gone is said so.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { WebSocket } from 'ws';
import type { JupyterGateway } from '../helpers/jupyter-gateway.ts';
import { missingJupyter, startJupyterGateway } from '../helpers/jupyter-gateway.ts';
import type { RunningAgent } from './agent-fixture.ts';
import { runAgent, until } from './agent-fixture.ts';
import { ACCESS_TOKEN } from './api-server.ts';
import { KernelClient, V1 } from './kernel-client.ts';

const skip = missingJupyter();

describe('the agent in front of a real Jupyter', { skip, timeout: 240_000 }, () => {
  let gateway: JupyterGateway;
  let agent: RunningAgent;

  before(async () => {
    gateway = await startJupyterGateway();
    agent = await runAgent(gateway);
    await until('registered', async () => (await agent.request('/api')).status === 200);
  });
  after(async () => {
    await agent.stop();
    await gateway.stop();
  });

  const startKernel = async (): Promise<string> => {
    const answer = await agent.request('/api/kernels', {
      method: 'POST',
      body: JSON.stringify({ name: 'python3' }),
    });
    assert.equal(answer.status, 201);
    return ((await answer.json()) as { id: string }).id;
  };
  const open = (kernelId: string, protocols: string[] = [V1]) =>
    KernelClient.open(agent.url, kernelId, ACCESS_TOKEN, protocols);
  const reported = (kernelId: string, state: string) =>
    until(`${kernelId} reported ${state}`, () => agent.api.lastKernel(kernelId)?.state === state);

  it('passes the REST API on, with its own token and without the caller’s', async () => {
    const specs = await agent.request('/api/kernelspecs', {
      headers: { Cookie: 'a=b', Origin: 'http://front-end.example' },
    });
    assert.equal(specs.status, 200);
    assert.equal(((await specs.json()) as { default: string }).default, 'python3');
    assert.equal(specs.headers.get('set-cookie'), null);
    const logo = await agent.request('/kernelspecs/python3/logo-64x64.png');
    assert.equal(logo.headers.get('content-type'), 'image/png');
    assert.ok((await logo.arrayBuffer()).byteLength > 100);
    assert.equal((await agent.request('/api/kernels/none')).status, 404);
  });

  it('asks every request and every WebSocket for the session’s token', async () => {
    for (const Authorization of ['', 'Bearer wrong', `token ${gateway.token}`]) {
      const answer = await agent.request('/api/kernels', { headers: { Authorization } });
      assert.equal(answer.status, 401);
      assert.match(await answer.text(), /access token/);
    }
    const kernelId = await startKernel();
    const url = `${agent.url.replace('http', 'ws')}/api/kernels/${kernelId}/channels?token=${gateway.token}`;
    assert.equal(await statusOf(new WebSocket(url)), 401);
    const headers = { Authorization: `Bearer ${ACCESS_TOKEN}` };
    assert.equal(await statusOf(new WebSocket(`${agent.url}/api/terminals`, { headers })), 404);
    const none = `${agent.url}/api/kernels/none/channels`;
    assert.equal(await statusOf(new WebSocket(none, { headers })), 404);
  });

  for (const protocols of [[V1], []]) {
    it(`computes 42 over a WebSocket with protocols [${protocols.join()}]`, async () => {
      const client = await open(await startKernel(), protocols);
      assert.equal(client.webSocket.protocol, protocols[0] ?? '');
      assert.equal(client.webSocket.extensions, '');
      const id = client.execute('6*7');
      const { content } = await client.next('execute_result', id);
      assert.deepEqual(content['data'], { 'text/plain': '42' });
      await client.close();
    });

    it(`reports busy and idle with protocols [${protocols.join()}]`, async () => {
      const kernelId = await startKernel();
      const client = await open(kernelId, protocols);
      await reported(kernelId, 'idle');
      const id = client.execute('import time; time.sleep(2.5)');
      await reported(kernelId, 'busy');
      assert.equal(agent.api.lastKernel(kernelId)?.idleSeconds, 0);
      client.send('control', 'kernel_info_request', {});
      await client.idle(id);
      await reported(kernelId, 'idle');
      await client.close();
    });
  }

  it('does not call a kernel that waits for input busy', async () => {
    const kernelId = await startKernel();
    const client = await open(kernelId);
    const id = client.execute('print(int(input()) * 2)');
    await client.next('input_request', id);
    await reported(kernelId, 'waitingForInput');
    client.send('stdin', 'input_reply', { value: '21', status: 'ok' });
    await client.idle(id);
    assert.equal(client.textOf(id), '42\n');
    await reported(kernelId, 'idle');
    await client.close();
  });

  it('reports a kernel busy while its cell runs, also after the page was closed', async () => {
    const kernelId = await startKernel();
    const client = await open(kernelId);
    const id = client.execute('import time; print("on"); time.sleep(10)');
    await client.next('stream', id);
    // Reports come a second apart: the last one may be older than the cell.
    await reported(kernelId, 'busy');
    // The idle of this one is what the gateway's own list shows from then on.
    await client.idle(client.send('control', 'kernel_info_request', {}));
    await client.close();
    const closedAt = Date.now();
    const before = agent.api.reports.length;
    await reported(kernelId, 'idle');
    assert.ok(Date.now() - closedAt > 6_000, 'idle was reported while the cell ran');
    for (const report of agent.api.reports.slice(before, -1)) {
      const state = report.kernels.find((kernel) => kernel.id === kernelId)?.state;
      assert.ok(state === 'busy' || report === agent.api.reports.at(-1), String(state));
    }
  });

  it('sees a restart and the end of a kernel', async () => {
    const kernelId = await startKernel();
    const client = await open(kernelId);
    const id = client.execute('import time; print("on"); time.sleep(600)');
    await client.next('stream', id);
    await reported(kernelId, 'busy');
    const restart = await agent.request(`/api/kernels/${kernelId}/restart`, { method: 'POST' });
    assert.equal(restart.status, 200);
    await reported(kernelId, 'idle');
    const end = await agent.request(`/api/kernels/${kernelId}`, { method: 'DELETE' });
    assert.equal(end.status, 204);
    await until('it is gone', () => agent.api.lastKernel(kernelId) === undefined);
    await client.close();
  });

  it('delivers large and much output unchanged to a page that reads slowly', async () => {
    const client = await open(await startKernel());
    const id = client.execute(
      'for i in range(40): print(chr(97 + i % 26) * 1_000_000, flush=True)',
    );
    await client.next('stream', id);
    client.webSocket.pause();
    await until('the agent holds back', () => agent.api.reports.length > 0);
    client.webSocket.resume();
    await client.idle(id);
    const expected = Array.from({ length: 40 }, (_, index) =>
      String.fromCharCode(97 + (index % 26)).repeat(1_000_000),
    );
    assert.ok(client.textOf(id) === `${expected.join('\n')}\n`, 'the output differs');
    await client.close();
  });

  it('keeps to the contract towards the API, with one identity token for all calls', () => {
    assert.deepEqual(agent.api.violations, []);
    assert.equal(agent.api.registrations, 1);
    assert.equal(agent.api.identityTokens, 1);
  });

  it('answers 503 when the gateway is gone, says so, and recovers', async () => {
    const client = await open(await startKernel());
    await until('ready', () => agent.api.reports.at(-1)?.gatewayReady === true);
    const closed = once(client.webSocket, 'close');
    await gateway.kill();
    const answer = await agent.request('/api/kernels');
    assert.equal(answer.status, 503);
    assert.equal(answer.headers.get('retry-after'), '1');
    assert.match(await answer.text(), /does not answer/);
    const headers = { Authorization: `Bearer ${ACCESS_TOKEN}` };
    const channel = new WebSocket(`${agent.url}/api/kernels/any/channels`, { headers });
    assert.equal(await statusOf(channel), 503);
    await until('lost', () => agent.api.reports.at(-1)?.gatewayReady === false);
    await gateway.startAgain();
    await until('ready again', () => agent.api.reports.at(-1)?.gatewayReady === true);
    await until('no kernels', () => agent.api.reports.at(-1)?.kernels.length === 0);
    // Its kernel has not survived.
    await closed;
    assert.equal((await agent.request('/api/kernels')).status, 200);
  });

  it('logs one JSON object a line and no secret', () => {
    for (const line of agent.logLines) assert.equal(typeof JSON.parse(line), 'object');
    const log = agent.logLines.join('');
    assert.ok(!log.includes(gateway.token) && !log.includes(ACCESS_TOKEN), log);
  });
});

/** The status that a handshake was refused with. */
async function statusOf(webSocket: WebSocket): Promise<number | undefined> {
  webSocket.on('error', () => undefined);
  const refused = once(webSocket, 'unexpected-response') as Promise<
    [unknown, { statusCode?: number; resume(): void }]
  >;
  const [, response] = await refused;
  response.resume();
  webSocket.terminate();
  return response.statusCode;
}
