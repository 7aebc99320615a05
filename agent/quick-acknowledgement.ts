// Has the gateway's messages acknowledged at once. gateway-line.ts uses it for its connection.
//
// The gateway leaves Nagle's algorithm on (Tornado's default): it holds a small message back until the one before it is
// acknowledged, and Linux puts that off for 40 ms, in the hope of something that goes the same way. So something does:
// a pong that nobody has asked for, which RFC 6455 (5.5.3) allows. Without it every cell ends 40 ms later than its kernel.
import type { WebSocket } from 'ws';
import type { Clock } from './clock.ts';

/** Of many messages not every one costs the gateway a pong. */
const PAUSE_MILLISECONDS = 2;

export function acknowledgeQuickly(webSocket: WebSocket, clock: Pick<Clock, 'after'>): void {
  let isResting = false;
  let hasMore = false;
  const acknowledge = () => {
    hasMore = isResting;
    if (isResting || webSocket.readyState !== webSocket.OPEN) return;
    isResting = true;
    webSocket.pong();
    clock.after(PAUSE_MILLISECONDS, () => {
      isResting = false;
      if (hasMore) acknowledge();
    });
  };
  webSocket.on('message', acknowledge);
}
