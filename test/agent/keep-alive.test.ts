// What ends a WebSocket whose other end is silent, and what does not.
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { it } from 'node:test';
import type { WebSocket } from 'ws';
import { keepAlive } from '../../agent/keep-alive.ts';
import { ManualClock } from '../helpers/manual-clock.ts';

function pinged(maxSilent: number) {
  const clock = new ManualClock();
  const seen = { pings: 0, isEnded: false };
  const webSocket = Object.assign(new EventEmitter(), {
    ...{ readyState: 1, OPEN: 1 },
    ping: () => (seen.pings += 1),
    terminate: () => (seen.isEnded = true),
  });
  keepAlive(webSocket as unknown as WebSocket, clock, 1_000, maxSilent);
  return { clock, webSocket, seen };
}

it('pings for as long as there are signs of life, of whatever kind', () => {
  const { clock, webSocket, seen } = pinged(1);
  for (const sign of ['pong', 'message', 'ping']) {
    clock.advance(1_000);
    webSocket.emit(sign);
  }
  assert.deepEqual(seen, { pings: 3, isEnded: false });
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
