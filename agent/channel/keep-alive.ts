// Ends a WebSocket whose other end has gone without a word: one that slept, or that the network has lost. Agent and relay
// both use it.
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';

export interface KeepAliveOptions {
  /** Between two pings. */
  milliseconds: number;
  /** So many pings without a sign of life before the next is due, and the other end is taken for gone. */
  maxSilent: number;
  /** What the WebSocket runs on: on a slow line a large message takes long, and its bytes are signs of life. */
  stream?: Duplex;
}

export interface KeepAlive {
  /** The system has taken a part of a large message. */
  taken: () => void;
  /** No more pings; so does the WebSocket's end. */
  stop: () => void;
}

/** What was taken of a large message is in buffers on the way, megabytes of them, and pings arrive behind it. */
const PATIENT_PINGS = 9;

export function keepAlive(
  webSocket: WebSocket,
  clock: { after(milliseconds: number, callback: () => void): () => void },
  { milliseconds, maxSilent, stream }: KeepAliveOptions,
): KeepAlive {
  let silent = 0;
  const isAlive = () => {
    silent = Math.min(silent, 0);
  };
  const ping = () => {
    // Nobody reads the answers of a WebSocket that is paused.
    silent = webSocket.isPaused ? 0 : silent + 1;
    if (silent > maxSilent) {
      webSocket.terminate();
      return;
    }
    if (webSocket.readyState === webSocket.OPEN) webSocket.ping();
    cancel = clock.after(milliseconds, ping);
  };
  let cancel = clock.after(milliseconds, ping);
  const signs = ['message', 'ping', 'pong'];
  const stop = () => {
    cancel();
    for (const sign of signs) webSocket.off(sign, isAlive);
    stream?.off('data', isAlive);
    webSocket.off('close', stop);
  };
  for (const sign of signs) webSocket.on(sign, isAlive);
  stream?.on('data', isAlive);
  webSocket.once('close', stop);
  return {
    stop,
    taken: () => {
      silent = -PATIENT_PINGS;
    },
  };
}
