// Joins two open WebSockets: messages as they are (binary or text), reading paused while the other side lags, pings,
// and an end of one that ends the other. sockets.ts uses it for the UI server's.
import { WebSocket } from 'ws';
import type { RawData } from 'ws';
import type { Clock } from '../clock.ts';

/** Reading stops above the first and goes on below the second. */
const HIGH_WATER_BYTES = 4 * 1_048_576;
const LOW_WATER_BYTES = 1_048_576;

const PING_MILLISECONDS = 20_000;
/** So many pings without any sign of life, and the connection is taken for dead. */
const MAX_SILENT_PINGS = 3;

/** Both are open; `back` has been paused since it opened, so that nothing is missed. */
export function bridge(front: WebSocket, back: WebSocket, clock: Clock): void {
  forward(front, back);
  forward(back, front);
  endTogether(front, back);
  keepAlive(front, clock);
  keepAlive(back, clock);
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

function keepAlive(socket: WebSocket, clock: Clock): void {
  let silentPings = 0;
  let cancel = clock.after(PING_MILLISECONDS, ping);
  for (const sign of ['message', 'ping', 'pong']) {
    socket.on(sign, () => {
      silentPings = 0;
    });
  }
  socket.on('close', () => {
    cancel();
  });

  function ping(): void {
    // Nobody reads the answers of a socket that waits for its partner.
    silentPings = socket.isPaused ? 0 : silentPings + 1;
    if (silentPings > MAX_SILENT_PINGS) {
      socket.terminate();
      return;
    }
    if (socket.readyState === WebSocket.OPEN) socket.ping();
    cancel = clock.after(PING_MILLISECONDS, ping);
  }
}
