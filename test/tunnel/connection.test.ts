// The tunnel against a strict relay: bytes both ways, flow control, acknowledgement, ends and errors.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import type { Duplex } from 'node:stream';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { openTunnel } from '../../client/tunnel/connection.ts';
import { TunnelError } from '../../client/tunnel/errors.ts';
import { TunnelStream } from '../../client/tunnel/stream.ts';
import type { TunnelReason } from '../../client/tunnel/errors.ts';
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

const BIG = sampleBytes(32 * 1_048_576);

describe('a tunnel', { timeout: 60_000 }, () => {
  it('carries bytes both ways unchanged and keeps to the protocol', async (t) => {
    const port = await startTcp(t, (socket) => socket.pipe(socket));
    const relay = await startRelay(t, { targetPort: port });
    const stream = await open(t, relay);
    const back = buffer(stream);
    stream.end(BIG);
    assert.equal(hashOf(await back), hashOf(BIG));
    assert.deepEqual(relay.violations, []);
    const [peer] = relay.peers;
    assert.ok(peer && Math.max(...peer.dataFrameSizes) === 16_384);
  });

  it('gathers small writes into full frames', async (t) => {
    const relay = await startRelay(t);
    const stream = await open(t, relay);
    for (let index = 0; index < 16_384; index += 1) stream.write(Buffer.from([index & 0xff]));
    const [peer] = relay.peers;
    await until('all bytes at the relay', () => peer?.receivedBytes === 16_384);
    assert.ok((peer?.dataFrameSizes.length ?? 99) < 5, `${peer?.dataFrameSizes.length} frames`);
  });

  it('acknowledges after 32,768 bytes, and less than that within two seconds', async (t) => {
    const relay = await startRelay(t);
    const stream = await open(t, relay);
    stream.resume();
    const [peer] = relay.peers;
    assert.ok(peer);
    peer.sendData(BIG.subarray(0, 40_000));
    await until('an acknowledgement', () => peer.ackedByClient >= 32_768, 1);
    peer.sendData(BIG.subarray(0, 10));
    await until('the acknowledgement of the rest', () => peer.ackedByClient === 40_010, 3);
    assert.deepEqual(relay.violations, []);
  });

  it('stops reading while its reader does not read, and loses nothing', async (t) => {
    const port = await startTcp(t, (socket) => socket.end(BIG));
    const relay = await startRelay(t, { targetPort: port });
    const stream = await open(t, relay);
    const [peer] = relay.peers;
    await until('the relay sends no more', () => (peer?.webSocket.bufferedAmount ?? 0) > 500_000);
    assert.ok(stream.readableLength < 3 * 1_048_576, `${stream.readableLength} bytes are held`);
    const parts: Buffer[] = [];
    for await (const part of stream) {
      parts.push(part as Buffer);
      await nextTurn();
    }
    assert.equal(hashOf(Buffer.concat(parts)), hashOf(BIG));
    assert.deepEqual(relay.violations, []);
  });

  it('holds writes back while nothing is confirmed, and goes on when it is', async (t) => {
    const relay = await startRelay(t, { acknowledges: false });
    const stream = await open(t, relay);
    let isWritten = false;
    stream.write(BIG, () => {
      isWritten = true;
    });
    const [peer] = relay.peers;
    assert.ok(peer);
    await until('the limit', () => peer.receivedBytes === 16 * 1_048_576);
    assert.equal(isWritten, false);
    peer.sendAck(peer.receivedBytes);
    await until('the rest', () => peer.receivedBytes === BIG.length);
    await until('the callback', () => isWritten);
  });

  it('delivers to a slow server without holding more than its bounds', async (t) => {
    const parts: Buffer[] = [];
    const port = await startTcp(t, (socket) => {
      socket.on('data', (part) => {
        parts.push(part);
        socket.pause();
        setImmediate(() => socket.resume());
      });
    });
    const relay = await startRelay(t, { targetPort: port });
    const stream = await open(t, relay);
    stream.write(BIG);
    const total = () => parts.reduce((sum, part) => sum + part.length, 0);
    await until('everything arrives', () => total() === BIG.length, 30);
    assert.equal(hashOf(Buffer.concat(parts)), hashOf(BIG));
  });

  it('still delivers the answer after end(), then ends', async (t) => {
    const port = await startTcp(t, (socket) => {
      socket.once('data', () => setTimeout(() => socket.end('the answer'), 100));
    });
    const relay = await startRelay(t, { targetPort: port });
    const stream = await open(t, relay);
    stream.end('a question');
    assert.equal((await buffer(stream)).toString(), 'the answer');
    if (!stream.closed) await once(stream, 'close');
  });

  it('says goodbye after end() when the other side stays silent', async (t) => {
    const relay = await startRelay(t);
    const stream = await open(t, relay);
    stream.resume();
    stream.end('bye');
    await once(stream, 'close');
    assert.equal(relay.peers[0]?.closeCode, 1000);
    assert.equal(stream.errored, null);
  });

  it('closes the connection in order when destroyed', async (t) => {
    const relay = await startRelay(t);
    const stream = await open(t, relay);
    stream.destroy();
    await until('the close code', () => relay.peers[0]?.closeCode === 1000);
  });

  it('emits timeout after the time that setTimeout was given', async (t) => {
    const relay = await startRelay(t);
    const stream = await open(t, relay);
    assert.ok(stream instanceof TunnelStream);
    stream.setTimeout(20);
    await once(stream, 'timeout');
    assert.equal(stream.destroyed, false);
  });
});

describe('a tunnel that breaks', { timeout: 30_000 }, () => {
  it('fails with an error when the connection is cut', async (t) => {
    const relay = await startRelay(t);
    const stream = await open(t, relay);
    relay.peers[0]?.webSocket.terminate();
    await closed(stream);
    assertReason(stream.errored, 'lost');
  });

  it('notices a peer that no longer answers', async (t) => {
    const relay = await startRelay(t, { isMute: true });
    const stream = await open(t, relay, { pingIntervalMilliseconds: 50 });
    await closed(stream);
    assertReason(stream.errored, 'lost');
  });

  it('stays open while the peer answers pings and nobody talks', async (t) => {
    const relay = await startRelay(t);
    const stream = await open(t, relay, { pingIntervalMilliseconds: 20 });
    let pings = 0;
    relay.peers[0]?.webSocket.on('ping', () => (pings += 1));
    await until('ten pings', () => pings >= 10);
    assert.equal(stream.destroyed, false);
  });

  const BREACHES: [string, string][] = [
    ['a count that was never sent', '00070000000000000001'],
    ['a count that decreases', '00070000000000000002'],
    ['a second session id', '000100000001aa'],
    ['a reconnect that nobody asked for', '00020000000000000000'],
    ['a partial frame', '000400000009aa'],
  ];
  for (const [name, hex] of BREACHES) {
    it(`ends with an error on ${name}`, async (t) => {
      const relay = await startRelay(t);
      const stream = await open(t, relay);
      const [peer] = relay.peers;
      assert.ok(peer);
      if (name.includes('decreases')) {
        stream.write('12345');
        await until('the bytes', () => peer.receivedBytes === 5);
        peer.sendAck(4);
      }
      peer.webSocket.send(Buffer.from(hex, 'hex'));
      await closed(stream);
      assertReason(stream.errored, 'protocol');
    });
  }

  it('refuses data before the session id', async (t) => {
    const relay = await startRelay(t, {
      onOpen: (peer) => {
        peer.sendData(Buffer.from('early'));
      },
    });
    await assert.rejects(open(t, relay), isReason('protocol'));
  });

  const CODES: [number, TunnelReason, RegExp][] = [
    [4003, 'unreachable', /port 8888 .*firewall/],
    [4004, 'signInAgain', /sign-in was not accepted for port 8888/],
    [4033, 'notAllowed', /roles\/iap\.tunnelResourceAccessor/],
    [4047, 'notFound', /datalab-client status/],
    [4000, 'lost', /4000/],
  ];
  for (const [code, reason, message] of CODES) {
    it(`says what close code ${code} means`, async (t) => {
      const relay = await startRelay(t, { closeWith: code });
      await assert.rejects(open(t, relay), isReason(reason, message));
    });
  }

  const STATUSES: [number, TunnelReason][] = [
    [401, 'signInAgain'],
    [403, 'notAllowed'],
    [404, 'notFound'],
    [429, 'unavailable'],
    [503, 'unavailable'],
  ];
  for (const [status, reason] of STATUSES) {
    it(`says what status ${status} means`, async (t) => {
      const relay = await startRelay(t, { refuseWith: status });
      await assert.rejects(open(t, relay), isReason(reason));
    });
  }

  it('gives up after the connect timeout, and when told to', async (t) => {
    const relay = await startRelay(t, { onOpen: () => undefined });
    await assert.rejects(open(t, relay, { connectTimeoutMilliseconds: 50 }), isReason('timeout'));
    const signal = AbortSignal.timeout(50);
    await assert.rejects(open(t, relay, { signal }), isReason('cancelled'));
    await until('both are closed', () => relay.peers.every((peer) => peer.closeCode !== undefined));
  });

  it('says that the relay cannot be reached, without the token', async () => {
    const opening = openTunnel({
      url: 'ws://127.0.0.1:1/v4',
      accessToken: () => Promise.resolve(TOKEN),
      target: targetOf(8888),
      env: {},
    });
    await assert.rejects(opening, (error) => {
      assertReason(error, 'unavailable');
      assert.ok(error instanceof TunnelError && error.retryable);
      assert.ok(!error.message.includes(TOKEN));
      return true;
    });
  });
});

/** Not `once`, which rejects on the error that is expected here. */
async function closed(stream: Duplex): Promise<void> {
  await new Promise((resolve) => stream.once('close', resolve));
}

function isReason(reason: TunnelReason, message = /./) {
  return (error: unknown) => {
    assertReason(error, reason);
    assert.match((error as Error).message, message);
    return true;
  };
}

function assertReason(error: unknown, reason: TunnelReason): void {
  assert.ok(error instanceof TunnelError, `not a TunnelError: ${String(error)}`);
  assert.equal(error.reason, reason);
}
