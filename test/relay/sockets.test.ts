// WebSockets of the UI server through the relay: messages as they were, reading paused for who lags, ends that end the other side.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { WebSocket } from 'ws';
import type { Relay } from '../../client/relay/relay.ts';
import { ManualClock } from '../helpers/manual-clock.ts';
import { until } from '../helpers/until.ts';
import { HEADERS, relayToUi } from './scripted-agent.ts';

const MEBIBYTE = 1_048_576;

describe('a terminal’s WebSocket through the relay', () => {
  it('keeps every message as it is, text or binary, empty or large, in order', async (t) => {
    const relay = await relayToUi(t, { onSocket: echo });
    const front = await openFront(t, relay);
    const sent = ['text', Buffer.from([0, 255]), '', Buffer.alloc(0), 'ü'.repeat(MEBIBYTE)];
    const received: (string | Buffer)[] = [];
    front.on('message', (data: Buffer, isBinary) =>
      received.push(isBinary ? data : data.toString()),
    );
    for (const message of sent) front.send(message);
    await until('all have come back', () => received.length === sent.length);
    assert.deepEqual(received, sent);
  });

  it('uses no compression and keeps the relay’s own cookie to itself', async (t) => {
    let headers: NodeJS.Dict<string | string[]> = {};
    const relay = await relayToUi(t, { onSocket: (_, request) => (headers = request.headers) });
    const front = await openFront(t, relay, {
      origin: relay.origin,
      headers: { cookie: `datalab-${relay.port}=t; other=1` },
    });
    assert.equal(front.extensions, '');
    assert.equal(headers['sec-websocket-extensions'], undefined);
    assert.match(String(headers['cookie']), /^other=1; _xsrf=\w+$/);
    assert.equal(headers['authorization'], undefined);
  });

  it('works with a server that knows no sub-protocol', async (t) => {
    const relay = await relayToUi(t, { onSocket: echo });
    const url = `${channelUrl(relay)}?token=t`;
    // A browser goes on without; `ws` as front-end would not, so the handshake itself is looked at.
    const socket = new WebSocket(url, ['v1.kernel.websocket.jupyter.org']);
    await assert.rejects(
      new Promise((_, reject) => socket.once('error', reject)),
      /Server sent no subprotocol/,
    );
  });

  it('answers the sub-protocol that the server chose', async (t) => {
    const relay = await relayToUi(t, { onSocket: echo, protocol: 'b' });
    const socket = new WebSocket(`${channelUrl(relay)}?token=t`, ['a', 'b']);
    t.after(() => {
      socket.terminate();
    });
    await new Promise((resolve) => socket.once('open', resolve));
    assert.equal(socket.protocol, 'b');
  });

  it('stops reading from the UI server while the front-end lags, and loses nothing', async (t) => {
    const count = 200;
    let unsent = count;
    let back: WebSocket | undefined;
    const relay = await relayToUi(t, {
      onSocket: (socket) => {
        back = socket;
        for (let index = 0; index < count; index++) {
          const message = Buffer.alloc(MEBIBYTE / 4);
          message.writeUInt32BE(index);
          socket.send(message, () => unsent--);
        }
      },
    });
    const front = await openFront(t, relay);
    front.pause();
    let settled = -1;
    await until('nothing more gets off', () => {
      const isSettled = settled === unsent && unsent < count;
      settled = unsent;
      return isSettled;
    });
    assert.ok(unsent > count / 4, `${unsent} of ${count} are still there`);
    assert.ok((back?.bufferedAmount ?? 0) > 0);
    let next = 0;
    front.on('message', (data: Buffer) => {
      assert.equal(data.readUInt32BE(), next++);
    });
    front.resume();
    await until('all have arrived', () => next === count);
  });

  it('ends with the same code when the server ends it on purpose', async (t) => {
    const relay = await relayToUi(t, {
      onSocket: (socket) => {
        socket.close(4001, 'because');
      },
    });
    const socket = new WebSocket(channelUrl(relay), { headers: HEADERS });
    const [code, reason] = await closeOf(socket);
    assert.deepEqual([code, reason], [4001, 'because']);
  });

  it('is cut when the server goes away', async (t) => {
    for (const end of [
      (socket: WebSocket) => {
        socket.terminate();
      },
      (socket: WebSocket) => {
        socket.close(1001);
      },
    ]) {
      const relay = await relayToUi(t, { onSocket: end });
      const [code] = await closeOf(new WebSocket(channelUrl(relay), { headers: HEADERS }));
      assert.equal(code, 1006);
    }
  });

  it('ends at the server when the front-end goes', async (t) => {
    const codes: number[] = [];
    const relay = await relayToUi(t, {
      onSocket: (s) => s.on('close', (code) => codes.push(code)),
    });
    (await openFront(t, relay)).close();
    (await openFront(t, relay)).close(1000);
    (await openFront(t, relay)).terminate();
    await until('all three have ended', () => codes.length === 3);
    assert.deepEqual(codes.sort(), [1000, 1005, 1006]);
  });

  it('is pinged, and cut when nothing comes back', async (t) => {
    const clock = new ManualClock();
    let pings = 0;
    const relay = await relayToUi(
      t,
      { onSocket: (socket) => socket.on('ping', () => (pings += 1)) },
      { clock },
    );
    const lively = await openFront(t, relay);
    for (let round = 1; round <= 6; round++) {
      const pong = new Promise((resolve) => lively.once('ping', resolve));
      clock.advance(20_000);
      await pong;
      await until('the server is pinged too', () => pings === round);
      lively.send('here');
    }
    assert.equal(lively.readyState, WebSocket.OPEN);
    lively.terminate();

    const silent = new WebSocket(channelUrl(relay), { headers: HEADERS, autoPong: false });
    await new Promise((resolve) => silent.once('open', resolve));
    const closed = closeOf(silent);
    for (let round = 0; round < 4; round++) clock.advance(20_000);
    assert.equal((await closed)[0], 1006);
  });
});

function echo(socket: WebSocket): void {
  socket.on('message', (data: Buffer, isBinary) => {
    socket.send(data, { binary: isBinary });
  });
}

function channelUrl(relay: Relay): string {
  return `${relay.origin.replace('http', 'ws')}/terminals/websocket/1`;
}

async function openFront(
  t: TestContext,
  relay: Relay,
  options: { origin?: string; headers?: Record<string, string> } = {},
): Promise<WebSocket> {
  const headers = { ...HEADERS, ...options.headers };
  const front = new WebSocket(channelUrl(relay), { ...options, headers });
  t.after(() => {
    front.terminate();
  });
  await new Promise((resolve, reject) => {
    front.once('open', resolve);
    front.once('error', reject);
  });
  return front;
}

function closeOf(socket: WebSocket): Promise<[code: number, reason: string]> {
  return new Promise((resolve) => {
    socket.once('close', (code, reason) => {
      resolve([code, reason.toString()]);
    });
  });
}
