// What the agent does to requests and messages on their way, seen from both ends: a gateway that the test plays.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, request as httpRequest } from 'node:http';
import type { IncomingMessage, RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
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
    const request = httpRequest(`${agent.url}/api/sessions`, { method: 'POST', headers: BEARER });
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
    const answer = agent.request('/api/kernels', { method: 'POST', signal: caller.signal });
    const refused = assert.rejects(answer);
    await until('it arrives', () => hasArrived);
    caller.abort();
    await refused;
    await until('the gateway’s side ends', () => hasEnded);
  });

  it('cuts an answer that the gateway did not finish', async (t) => {
    const { agent } = await startRegistered(t, (request, response) => {
      if (!request.url?.startsWith('/api/sessions')) response.end('[]');
      else response.write('half', () => response.destroy());
    });
    await assert.rejects(agent.request('/api/sessions').then((answer) => answer.text()));
  });
});

describe('a channel', { timeout: 60_000 }, () => {
  for (const code of [1000, 1011, 4321]) {
    it(`passes close code ${code} both ways`, async (t) => {
      const { agent, peers } = await startRegistered(t, emptyLists);
      const first = await connect(t, agent, []);
      first.close(code, 'why');
      const [seen, reason] = (await once(await peerOf(peers, 0), 'close')) as [number, Buffer];
      assert.deepEqual([seen, reason.toString()], [code, 'why']);
      const second = await connect(t, agent, []);
      (await peerOf(peers, 1)).close(code, 'because');
      assert.equal((await once(second, 'close'))[0], code);
    });
  }

  it('breaks off for the page when the gateway breaks off', async (t) => {
    const { agent, peers } = await startRegistered(t, emptyLists);
    const page = await connect(t, agent, []);
    (await peerOf(peers, 0)).terminate();
    assert.equal((await once(page, 'close'))[0], 1006);
  });

  it('keeps kind and bytes of messages', async (t) => {
    const { agent } = await startRegistered(t, emptyLists);
    const page = await connect(t, agent, ['known']);
    assert.equal(page.protocol, 'known');
    for (const sent of ['text', Buffer.from([0, 255, 1])]) {
      page.send(sent);
      const [data, isBinary] = (await once(page, 'message')) as [Buffer, boolean];
      assert.deepEqual(data, Buffer.from(sent));
      assert.equal(isBinary, typeof sent !== 'string');
    }
  });

  it('offers no sub-protocol to a gateway that takes none', async (t) => {
    const { agent, offers } = await startRegistered(t, emptyLists);
    const page = connect(t, agent, ['unknown']);
    await assert.rejects(page, /Server sent no subprotocol/); // As the page meets it without the agent.
    assert.deepEqual(offers, ['unknown', undefined]);
  });

  it('stops reading from the gateway while the page does not read', async (t) => {
    const { agent, peers } = await startRegistered(t, emptyLists);
    const page = await connect(t, agent, []);
    const peer = await peerOf(peers, 0);
    let received = 0;
    page.on('message', (data) => (received += (data as Buffer).length));
    page.pause();
    const part = Buffer.alloc(1_048_576);
    for (let index = 0; index < 64; index += 1) peer.send(part);
    await until('it stands still', async () => {
      const before = peer.bufferedAmount;
      await new Promise((resolve) => setTimeout(resolve, 200));
      return before === peer.bufferedAmount;
    });
    assert.ok(peer.bufferedAmount > 32 * part.length, `${peer.bufferedAmount} left`);
    page.resume();
    await until('everything arrives', () => received === 64 * part.length);
  });

  it('says goodbye to both sides when the agent stops', async (t) => {
    const { agent, peers } = await startRegistered(t, emptyLists);
    const page = await connect(t, agent, []);
    const codes = Promise.all([once(page, 'close'), once(await peerOf(peers, 0), 'close')]);
    await agent.stop();
    assert.deepEqual(
      (await codes).map(([code]: unknown[]) => code),
      [1001, 1001],
    );
  });
});

const emptyLists: RequestListener = (_request, response) => response.end('[]');

interface World {
  agent: RunningAgent;
  /** The gateway's ends of channels. */
  peers: WebSocket[];
  /** The sub-protocols that were offered to the gateway. */
  offers: (string | undefined)[];
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
  const { peers, offers } = acceptChannels(server);
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
    for (const peer of peers) peer.terminate();
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
    peers,
    offers,
  };
}

/** Echoes, and takes no sub-protocol but `known`. */
function acceptChannels(server: Server): Pick<World, 'peers' | 'offers'> {
  const peers: WebSocket[] = [];
  const offers: (string | undefined)[] = [];
  const webSockets = new WebSocketServer({
    server,
    handleProtocols: (protocols) => (protocols.has('known') ? 'known' : false),
  });
  webSockets.on('connection', (peer, request) => {
    offers.push(request.headers['sec-websocket-protocol']);
    peer.on('error', () => undefined);
    peer.on('message', (data, isBinary) => {
      peer.send(data as Buffer, { binary: isBinary });
    });
    peers.push(peer);
  });
  return { peers, offers };
}

async function startRegistered(t: TestContext, listener: RequestListener): Promise<World> {
  const world = await start(t, listener);
  await until('registered', async () => (await world.agent.request('/x')).status === 404);
  return world;
}

async function connect(
  t: TestContext,
  agent: RunningAgent,
  protocols: string[],
): Promise<WebSocket> {
  const url = `${agent.url.replace('http', 'ws')}/api/kernels/k1/channels?session_id=s`;
  const page = new WebSocket(url, protocols, { headers: BEARER });
  t.after(() => {
    page.terminate();
  });
  await once(page, 'open');
  page.on('error', () => undefined);
  return page;
}

async function peerOf(peers: WebSocket[], index: number): Promise<WebSocket> {
  await until('the gateway’s end', () => peers.length > index);
  const peer = peers[index];
  assert.ok(peer);
  return peer;
}

function count(agent: RunningAgent, words: string): number {
  return agent.logLines.filter((line) => line.includes(words)).length;
}
