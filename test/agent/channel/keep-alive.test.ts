// What ends a WebSocket whose other end is silent, and what does not.
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { it } from 'node:test';
import { PassThrough } from 'node:stream';
import type { WebSocket } from 'ws';
import { keepAlive } from '../../../agent/channel/keep-alive.ts';
import { ManualClock } from '../../helpers/manual-clock.ts';

function pinged(maxSilent: number) {
  const clock = new ManualClock();
  const seen = { pings: 0, isEnded: false };
  const webSocket = Object.assign(new EventEmitter(), {
    ...{ readyState: 1, OPEN: 1, isPaused: false },
    ping: () => (seen.pings += 1),
    terminate: () => (seen.isEnded = true),
  });
  const stream = new PassThrough();
  const options = { milliseconds: 1_000, maxSilent, stream };
  const alive = keepAlive(webSocket as unknown as WebSocket, clock, options);
  return { clock, webSocket, stream, seen, ...alive };
}

it('pings for as long as there are signs of life, of whatever kind', async () => {
  const { clock, webSocket, stream, seen } = pinged(1);
  for (const sign of ['pong', 'message', 'ping']) {
    clock.advance(1_000);
    webSocket.emit(sign);
  }
  clock.advance(1_000);
  const read = EventEmitter.once(stream, 'data');
  stream.write('a byte of a large message');
  await read;
  clock.advance(1_000);
  assert.deepEqual(seen, { pings: 5, isEnded: false });
});

it('ends a connection after as many silent pings as it is told, when the next is due', () => {
  for (const maxSilent of [1, 2]) {
    const { clock, seen } = pinged(maxSilent);
    clock.advance(1_000 * maxSilent);
    assert.deepEqual(seen, { pings: maxSilent, isEnded: false });
    clock.advance(1_000);
    assert.deepEqual(seen, { pings: maxSilent, isEnded: true });
  }
});

it('is patient with one whose system takes a large message, and not for ever', () => {
  const { clock, webSocket, seen, taken } = pinged(2);
  clock.advance(2_000);
  taken();
  // Something else arrives while the message is on its way.
  webSocket.emit('message');
  clock.advance(11_000);
  assert.equal(seen.isEnded, false);
  clock.advance(1_000);
  assert.equal(seen.isEnded, true);
});

it('expects nothing of one that nobody reads', () => {
  const { clock, webSocket, seen } = pinged(1);
  webSocket.isPaused = true;
  clock.advance(10_000);
  assert.equal(seen.isEnded, false);
});

it('leaves nothing behind when it is stopped', () => {
  const { clock, webSocket, stream, seen, stop } = pinged(1);
  stop();
  clock.advance(10_000);
  assert.deepEqual(seen, { pings: 0, isEnded: false });
  assert.deepEqual(webSocket.eventNames(), []);
  assert.equal(stream.listenerCount('data'), 0);
});
