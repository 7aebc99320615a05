// Ends a WebSocket whose other end has gone without a word: one that slept, or that the network has lost.
import type { WebSocket } from 'ws';
import type { Clock } from './clock.ts';

/**
 * One ping without a sign of life before the next is due ends it.
 * @param signs events of the socket that show that the other end is there
 * @returns what ends the pings; so does the socket's end
 */
export function keepAlive(
  webSocket: WebSocket,
  clock: Pick<Clock, 'after'>,
  milliseconds: number,
  signs: readonly string[] = ['pong', 'message', 'ping'],
): () => void {
  let hasAnswered = true;
  for (const sign of signs) {
    webSocket.on(sign, () => {
      hasAnswered = true;
    });
  }
  const check = () => {
    if (!hasAnswered) {
      webSocket.terminate();
      return;
    }
    hasAnswered = false;
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
