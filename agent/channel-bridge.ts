// Where a front-end's connection meets a kernel's: passes messages, pauses and close codes both ways, and lets the
// kernel's record see them. Resumable channels will take this place.
import { WebSocket } from 'ws';
import type { Clock } from './clock.ts';
import type { Kernels } from './kernels.ts';
import { decodeMessage } from './message.ts';

/** Reading from one side stops above, and goes on below, so much waiting to be written to the other. */
const HIGH_BYTES = 4 * 1_048_576;
const LOW_BYTES = 1_048_576;
/** No message larger than this from a kernel is one that says what it is doing. */
const MAX_DECODED_ANSWER_BYTES = 65_536;
const PING_MILLISECONDS = 30_000;
const GOING_AWAY = 1001;

export interface Bridge {
  /** Ends both connections: the agent is going away. */
  close(): void;
  /** Resolves when both have ended. */
  closed: Promise<void>;
}

export interface BridgeOptions {
  kernelId: string;
  frontEnd: WebSocket;
  /** Open and paused. */
  kernel: WebSocket;
  kernels: Kernels;
  clock: Clock;
}

export function bridgeChannel(options: BridgeOptions): Bridge {
  const { kernelId, frontEnd, kernel, kernels, clock } = options;
  const { protocol } = kernel;
  kernels.channelOpened(kernelId);
  passMessages(frontEnd, kernel, (data, isBinary) => {
    const message = decodeMessage(data, isBinary, protocol);
    if (message) kernels.request(kernelId, message);
  });
  passMessages(kernel, frontEnd, (data, isBinary) => {
    const isLarge = data.length > MAX_DECODED_ANSWER_BYTES;
    const message = isLarge ? undefined : decodeMessage(data, isBinary, protocol);
    if (message) kernels.answer(kernelId, message);
    else kernels.output(kernelId);
  });
  const stopPings = pingFrontEnd(frontEnd, clock);
  const frontEndClosed = passClose(frontEnd, kernel).then(stopPings);
  const kernelClosed = passClose(kernel, frontEnd).then(() => {
    kernels.channelClosed(kernelId);
  });
  kernel.resume();
  return {
    close: () => {
      for (const side of [frontEnd, kernel]) closeWith(side, GOING_AWAY);
    },
    closed: Promise.all([frontEndClosed, kernelClosed]).then(() => undefined),
  };
}

function passMessages(
  from: WebSocket,
  to: WebSocket,
  see: (data: Buffer, isBinary: boolean) => void,
): void {
  const resumeWhenLow = () => {
    if (from.isPaused && to.bufferedAmount < LOW_BYTES) from.resume();
  };
  from.on('message', (data, isBinary) => {
    see(data as Buffer, isBinary);
    to.send(data as Buffer, { binary: isBinary, compress: false }, resumeWhenLow);
    if (to.bufferedAmount > HIGH_BYTES) from.pause();
  });
}

/** Resolves when `from` has ended. */
async function passClose(from: WebSocket, to: WebSocket): Promise<void> {
  from.on('error', () => undefined); // `close` follows and is what counts.
  await new Promise<void>((resolve) => {
    from.once('close', (code, reason) => {
      closeWith(to, code, reason);
      resolve();
    });
  });
}

/** Some codes are only ever observed, never sent: no code (1005), and a connection that broke (1006). */
function closeWith(side: WebSocket, code: number, reason?: Buffer): void {
  if (side.readyState === WebSocket.CLOSED) return;
  if (code === 1006 || code === 1015) side.terminate();
  else if (code === 1005) side.close();
  else side.close(code, reason);
  side.resume(); // The answer to the goodbye stands behind what was not read.
}

/** A front-end that went to sleep leaves its connection open: one unanswered ping ends it. */
function pingFrontEnd(frontEnd: WebSocket, clock: Clock): () => void {
  let hasAnswered = true;
  frontEnd.on('pong', () => {
    hasAnswered = true;
  });
  const check = () => {
    // While it is not read its pongs cannot be seen.
    if (!hasAnswered && !frontEnd.isPaused) {
      frontEnd.terminate();
      return;
    }
    hasAnswered = frontEnd.isPaused;
    if (frontEnd.readyState === WebSocket.OPEN) frontEnd.ping();
    cancel = clock.after(PING_MILLISECONDS, check);
  };
  let cancel = clock.after(PING_MILLISECONDS, check);
  return () => {
    cancel();
  };
}
