// Ends a WebSocket whose other end has gone without a word: one that slept, or that the network has lost.
import type { WebSocket } from 'ws';
import type { Clock } from './clock.ts';

/**
 * @param maxSilent so many pings without a sign of life before the next is due end it; of a process that was frozen the
 *   last one is overdue before it has read what came
 * @returns what ends the pings; so does the socket's end
 */
export function keepAlive(
  webSocket: WebSocket,
  clock: Pick<Clock, 'after'>,
  milliseconds: number,
  maxSilent = 1,
): () => void {
  let silent = 0;
  for (const sign of ['pong', 'message', 'ping']) {
    webSocket.on(sign, () => {
      silent = 0;
    });
  }
  const check = () => {
    if (silent === maxSilent) {
      webSocket.terminate();
      return;
    }
    silent += 1;
    if (webSocket.readyState === webSocket.OPEN) webSocket.ping();
    cancel = clock.after(milliseconds, check);
  };
  let cancel = clock.after(milliseconds, check);
  const stop = () => {
    cancel();
  };
  webSocket.once('close', stop);
  return stop;
}
