// The tunnel as the socket of undici and ws, as the relay uses it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { Pool } from 'undici';
import { WebSocket, WebSocketServer } from 'ws';
import { openTunnel } from '../../client/tunnel/connection.ts';
import type { IapServer } from './iap-server.ts';
import { listen } from './iap-server.ts';
import {
  TOKEN,
  hashOf,
  open,
  sampleBytes,
  startRelay,
  startTcp,
  targetOf,
  until,
} from './tunnel-fixture.ts';

const BODY = sampleBytes(8 * 1_048_576);

describe('undici through a tunnel', { timeout: 30_000 }, () => {
  it('sends and receives bodies, and uses a tunnel again', async (t) => {
    const { relay } = await startWeb(t);
    const pool = poolThrough(t, relay, 1);
    for (let round = 0; round < 3; round += 1) {
      const answer = await pool.request({ path: '/echo', method: 'POST', body: BODY });
      assert.equal(answer.statusCode, 200);
      assert.equal(hashOf(Buffer.from(await answer.body.arrayBuffer())), hashOf(BODY));
    }
    assert.equal(relay.peers.length, 1);
    assert.deepEqual(relay.violations, []);
  });

  it('runs many requests at once', async (t) => {
    const { relay } = await startWeb(t);
    const pool = poolThrough(t, relay, 8);
    const answers = Array.from({ length: 40 }, async (_, index) => {
      const answer = await pool.request({
        path: `/echo?${index}`,
        method: 'POST',
        body: `${index}`,
      });
      return answer.body.text();
    });
    assert.deepEqual(
      await Promise.all(answers),
      answers.map((_, index) => `${index}`),
    );
  });

  it('reports a cut in the middle of an answer, and connects anew for the next', async (t) => {
    const { relay } = await startWeb(t);
    const pool = poolThrough(t, relay, 1);
    const cut = await pool.request({ path: '/endless', method: 'GET' });
    relay.peers[0]?.webSocket.terminate();
    await assert.rejects(cut.body.text());
    const answer = await pool.request({ path: '/echo', method: 'POST', body: 'again' });
    assert.equal(await answer.body.text(), 'again');
    assert.equal(relay.peers.length, 2);
  });

  it('fails with the tunnel’s error when nothing listens', async (t) => {
    const port = await startTcp(t, () => undefined);
    const relay = await startRelay(t, { targetPort: port, closeWith: 4003 });
    const pool = poolThrough(t, relay, 1);
    await assert.rejects(pool.request({ path: '/', method: 'GET' }), { reason: 'unreachable' });
  });
});

describe('ws through a tunnel', { timeout: 30_000 }, () => {
  it('exchanges messages of both kinds and closes in order', async (t) => {
    const { relay } = await startWeb(t);
    const webSocket = await webSocketThrough(t, relay);
    const seen: [string, boolean][] = [];
    webSocket.on('message', (data, isBinary) => {
      seen.push([hashOf(data as Buffer), isBinary]);
    });
    webSocket.send(BODY);
    webSocket.send('text');
    await until('two echoes', () => seen.length === 2);
    assert.deepEqual(seen, [
      [hashOf(BODY), true],
      [hashOf(Buffer.from('text')), false],
    ]);
    webSocket.close(4321);
    const [code] = (await once(webSocket, 'close')) as [number];
    assert.equal(code, 4321);
    await until('the tunnel ends', () => relay.peers[0]?.closeCode !== undefined, 5);
  });

  it('is closed abnormally when the tunnel is cut', async (t) => {
    const { relay } = await startWeb(t);
    const webSocket = await webSocketThrough(t, relay);
    webSocket.on('error', () => undefined);
    relay.peers[0]?.webSocket.terminate();
    const [code] = (await once(webSocket, 'close')) as [number];
    assert.equal(code, 1006);
  });
});

async function startWeb(t: TestContext): Promise<{ relay: IapServer }> {
  const server = createServer((request, response) => {
    if (request.url === '/endless') response.write('the first part');
    else request.pipe(response);
  });
  const webSockets = new WebSocketServer({ server, perMessageDeflate: false });
  webSockets.on('connection', (peer) => {
    peer.on('error', () => undefined);
    peer.on('message', (data, isBinary) => {
      peer.send(data as Buffer, { binary: isBinary });
    });
  });
  const targetPort = await listen(server);
  t.after(() => {
    for (const client of webSockets.clients) client.terminate();
    server.closeAllConnections();
    server.close();
  });
  return { relay: await startRelay(t, { targetPort }) };
}

function poolThrough(t: TestContext, relay: IapServer, connections: number): Pool {
  const pool = new Pool('http://an-instance', {
    connections,
    connect: (_options, callback) => {
      openTunnel({
        url: relay.url,
        accessToken: () => Promise.resolve(TOKEN),
        target: targetOf(8888),
        env: {},
      }).then(
        (stream) => {
          callback(null, asSocket(stream));
        },
        (error: unknown) => {
          callback(error as Error, null);
        },
      );
    },
  });
  t.after(() => pool.destroy());
  return pool;
}

async function webSocketThrough(t: TestContext, relay: IapServer): Promise<WebSocket> {
  const stream = await open(t, relay);
  const webSocket = new WebSocket('ws://an-instance/', {
    createConnection: () => asSocket(stream),
    perMessageDeflate: false,
    handshakeTimeout: 5_000,
  });
  t.after(() => {
    webSocket.terminate();
  });
  await once(webSocket, 'open');
  return webSocket;
}

/** undici and ws say `Socket` where they use what every Duplex has, and what TunnelStream adds. */
function asSocket(stream: Duplex): Socket {
  return stream as unknown as Socket;
}
