// Ends a WebSocket whose other end has gone without a word. bridge.ts uses it for the UI server's sockets, channel/ for
// those of front-ends and of the agent.
import { WebSocket } from 'ws';
import type { Clock } from '../clock.ts';

export interface PingOptions {
  milliseconds: number;
  /** So many pings without any sign of life, and the connection is taken for dead. */
  maxSilent: number;
}

export const FRONT_END_PINGS: PingOptions = { milliseconds: 20_000, maxSilent: 3 };

/** @returns what ends the pings; so does the socket's end */
export function keepAlive(
  socket: WebSocket,
  clock: Clock,
  { milliseconds, maxSilent }: PingOptions,
): () => void {
  let silent = 0;
  let cancel = clock.after(milliseconds, ping);
  for (const sign of ['message', 'ping', 'pong']) {
    socket.on(sign, () => {
      silent = 0;
    });
  }
  const stop = () => {
    cancel();
  };
  socket.once('close', stop);
  return stop;

  function ping(): void {
    // Nobody reads the answers of a socket that waits for its partner.
    silent = socket.isPaused ? 0 : silent + 1;
    if (silent > maxSilent) {
      socket.terminate();
      return;
    }
    if (socket.readyState === WebSocket.OPEN) socket.ping();
    cancel = clock.after(milliseconds, ping);
  }
}
