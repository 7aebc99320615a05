// What the agent does to requests and messages on their way, seen from both ends: a gateway that the test plays.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, request as httpRequest } from 'node:http';
import type { IncomingMessage, RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import type { RunningAgent } from './agent-fixture.ts';
import { runAgent, until } from './agent-fixture.ts';
import type { ApiServer } from './api-server.ts';
import { ACCESS_TOKEN } from './api-server.ts';

const BEARER = { Authorization: `Bearer ${ACCESS_TOKEN}` };

describe('the front door', { timeout: 60_000 }, () => {
  it('answers 503 with Retry-After until the agent is registered', async (t) => {
    const { agent } = await start(
      t,
      () => undefined,
      (api) => (api.failWith = 503),
    );
    const answer = await agent.request('/api/kernels');
    assert.equal(answer.status, 503);
    assert.equal(answer.headers.get('retry-after'), '1');
    assert.deepEqual(await answer.json(), {
      message: 'The agent is not registered yet. Try again in a moment.',
      reason: 'Service Unavailable',
    });
    agent.api.failWith = undefined;
    await until('registered', async () => (await agent.request('/x')).status === 404);
  });

  it('keeps trying when the API refuses it', async (t) => {
    const { agent } = await start(
      t,
      () => undefined,
      (api) => (api.failWith = 404),
    );
    await until('two attempts', () => count(agent, 'was its session deleted?') >= 2);
    assert.equal((await agent.request('/api/kernels')).status, 503);
  });

  it('sends headers that are the agent’s own, and none of the caller’s', async (t) => {
    let seen: IncomingMessage | undefined;
    const { agent } = await startRegistered(t, (request, response) => {
      if (request.url?.startsWith('/api/sessions')) seen = request;
      response.setHeader('Set-Cookie', 'a=b');
      response.setHeader('Access-Control-Allow-Origin', '*');
      response.setHeader('X-Kept', ['one', 'two']);
      response.end('[]');
    });
    const answer = await agent.request('/api/sessions?token=abc&x=1', {
      headers: { Cookie: 'c=d', Origin: 'http://x.example', 'X-Mine': 'yes' },
    });
    assert.equal(seen?.url, '/api/sessions?x=1');
    assert.equal(seen.headers.authorization, 'token the-gateway-token');
    assert.equal(seen.headers['x-mine'], 'yes');
    for (const name of ['cookie', 'origin', 'referer']) assert.equal(seen.headers[name], undefined);
    assert.equal(answer.headers.get('x-kept'), 'one, two');
    assert.equal(answer.headers.get('set-cookie'), null);
    assert.equal(answer.headers.get('access-control-allow-origin'), null);
  });

  it('streams both ways without waiting for the end', async (t) => {
    const { agent } = await startRegistered(t, (request, response) => {
      if (request.method === 'POST') request.pipe(response);
      else response.end('[]');
    });
    const options = { method: 'POST', headers: BEARER };
    const request = httpRequest(`${agent.url}/api/kernels/k/interrupt`, options);
    request.write('first');
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    assert.equal(String((await once(response, 'data'))[0]), 'first');
    request.end('second');
    assert.equal(String((await once(response, 'data'))[0]), 'second');
  });

  it('ends the request to the gateway when the caller goes away', async (t) => {
    let hasArrived = false;
    let hasEnded = false;
    const { agent } = await startRegistered(t, (request, response) => {
      if (request.method === 'GET') response.end('[]');
      else {
        hasArrived = true;
        response.once('close', () => (hasEnded = true));
      }
    });
    const caller = new AbortController();
    const answer = agent.request('/api/kernels/k', { method: 'DELETE', signal: caller.signal });
    const refused = assert.rejects(answer);
    await until('it arrives', () => hasArrived);
    caller.abort();
    await refused;
    await until('the gateway’s side ends', () => hasEnded);
  });

  for (const [what, path] of [
    ['a restart', '/api/kernels/k/restart'],
    ['a kernel', '/api/kernels'],
  ] as const) {
    it(`has ${what} done to its end when the caller goes away`, async (t) => {
      let finish: (() => void) | undefined;
      let hasEnded = false;
      const { agent } = await startRegistered(t, (request, response) => {
        if (request.method === 'GET') response.end('[]');
        else {
          response.once('close', () => (hasEnded = !response.writableFinished));
          finish = () => response.end('{}');
        }
      });
      const caller = new AbortController();
      const options = { method: 'POST', signal: caller.signal };
      const refused = assert.rejects(agent.request(path, options));
      await until('it arrives', () => finish !== undefined);
      caller.abort();
      await refused;
      // Another request passes meanwhile: what the caller's going has caused is over by then.
      await agent.request('/api/kernels');
      await agent.request('/api/kernels');
      assert.equal(hasEnded, false);
      finish?.();
    });
  }

  it('cuts an answer that the gateway did not finish', async (t) => {
    const { agent } = await startRegistered(t, (request, response) => {
      if (!request.url?.startsWith('/api/sessions')) response.end('[]');
      else response.write('half', () => response.destroy());
    });
    await assert.rejects(agent.request('/api/sessions').then((answer) => answer.text()));
  });
});

interface World {
  agent: RunningAgent;
}

async function start(
  t: TestContext,
  listener: RequestListener,
  prepare?: (api: ApiServer) => void,
): Promise<World> {
  const folder = await mkdtemp(path.join(tmpdir(), 'datalab-test-agent-'));
  const tokenFile = path.join(folder, 'token');
  await writeFile(tokenFile, 'the-gateway-token\n');
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const agent = await runAgent({ url, tokenFile }, prepare);
  let isStopped = false;
  const stop = async () => {
    if (!isStopped) await agent.stop();
    isStopped = true;
  };
  t.after(async () => {
    await stop();
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true });
  });
  return {
    agent: {
      ...agent,
      stop: async () => {
        isStopped = true;
        await agent.stop();
      },
    },
  };
}

async function startRegistered(t: TestContext, listener: RequestListener): Promise<World> {
  const world = await start(t, listener);
  await until('registered', async () => (await world.agent.request('/x')).status === 404);
  return world;
}

function count(agent: RunningAgent, words: string): number {
  return agent.logLines.filter((line) => line.includes(words)).length;
}
