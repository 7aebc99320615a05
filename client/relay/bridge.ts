// Joins two open WebSockets: messages as they are (binary or text), reading paused while the other side lags, pings,
// and an end of one that ends the other. sockets.ts uses it for the UI server's.
import type { RawData, WebSocket } from 'ws';
import { keepAlive } from '../../agent/channel/keep-alive.ts';
import type { Clock } from '../clock.ts';
import { FRONT_END_PINGS } from './timings.ts';

/** Reading stops above the first and goes on below the second. */
const HIGH_WATER_BYTES = 4 * 1_048_576;
const LOW_WATER_BYTES = 1_048_576;

/** Both are open; `back` has been paused since it opened, so that nothing is missed. */
export function bridge(front: WebSocket, back: WebSocket, clock: Clock): void {
  forward(front, back);
  forward(back, front);
  endTogether(front, back);
  for (const socket of [front, back]) keepAlive(socket, clock, FRONT_END_PINGS);
  back.resume();
}

function forward(from: WebSocket, to: WebSocket): void {
  from.on('message', (data: RawData, isBinary: boolean) => {
    to.send(data, { binary: isBinary, compress: false }, () => {
      if (from.isPaused && to.bufferedAmount <= LOW_WATER_BYTES) from.resume();
    });
    if (to.bufferedAmount > HIGH_WATER_BYTES) from.pause();
  });
}

function endTogether(front: WebSocket, back: WebSocket): void {
  // An error is followed by `close`, which says all that is needed.
  front.on('error', () => undefined);
  back.on('error', () => undefined);
  front.on('close', (code, reason) => {
    closeLike(back, code, reason);
  });
  back.on('close', (code, reason) => {
    closeLike(front, code, reason);
  });
}

/**
 * Ends a socket as its partner ended. What was not a deliberate end (1000, none, an application's own) is passed on as
 * a cut: the classic notebook connects again only after an unclean end.
 */
function closeLike(socket: WebSocket, code: number, reason: Buffer): void {
  socket.resume();
  if (code === 1005) socket.close();
  else if (code === 1000 || (code >= 3000 && code <= 4999)) socket.close(code, reason);
  else socket.terminate();
}
