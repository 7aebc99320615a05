// Where a front-end's connection meets a kernel's: passes messages, pauses and close codes both ways, those to the
// kernel through the gate, and lets the kernel's record see them. Resumable channels will take this place.
import { WebSocket } from 'ws';
import type { Clock } from './clock.ts';
import type { Gate } from './gate.ts';
import { HeldMessages } from './held-messages.ts';
import { isUse } from './kernel-messages.ts';
import type { Kernels } from './kernels.ts';
import { decodeMessage } from './message.ts';

/** Reading from one side stops above, and goes on below, so much waiting for the other, or for the gate. */
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
  gate: Gate;
  clock: Clock;
}

export function bridgeChannel(options: BridgeOptions): Bridge {
  const { kernelId, frontEnd, kernel, kernels, clock } = options;
  kernels.channelOpened(kernelId);
  const held = passRequests(options);
  passAnswers(options);
  const stopPings = pingFrontEnd(frontEnd, clock);
  // What a front-end has sent before it went is delivered all the same, and its goodbye behind it.
  const frontEndClosed = passClose(frontEnd, (code, reason) => {
    held.pass(0, () => {
      closeWith(kernel, code, reason);
    });
  }).then(stopPings);
  const kernelClosed = passClose(kernel, (code, reason) => {
    held.drop();
    closeWith(frontEnd, code, reason);
  }).then(() => {
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

function passRequests({ kernelId, frontEnd, kernel, kernels, gate }: BridgeOptions): HeldMessages {
  const resumeWhenLow = () => {
    const waiting = kernel.bufferedAmount + held.bytes;
    if (frontEnd.isPaused && waiting < LOW_BYTES) frontEnd.resume();
  };
  const held = new HeldMessages(gate, resumeWhenLow);
  frontEnd.on('message', (data: Buffer, isBinary: boolean) => {
    const message = decodeMessage(data, isBinary, kernel.protocol);
    if (!gate.isOpen && (message === undefined || isUse(message))) {
      kernels.used(kernelId);
      gate.use();
    }
    held.pass(data.length, () => {
      if (message && kernel.readyState === WebSocket.OPEN) kernels.request(kernelId, message);
      kernel.send(data, { binary: isBinary, compress: false }, resumeWhenLow);
    });
    if (kernel.bufferedAmount + held.bytes > HIGH_BYTES) frontEnd.pause();
  });
  return held;
}

function passAnswers({ kernelId, frontEnd, kernel, kernels }: BridgeOptions): void {
  const resumeWhenLow = () => {
    if (kernel.isPaused && frontEnd.bufferedAmount < LOW_BYTES) kernel.resume();
  };
  kernel.on('message', (data: Buffer, isBinary: boolean) => {
    const isLarge = data.length > MAX_DECODED_ANSWER_BYTES;
    const message = isLarge ? undefined : decodeMessage(data, isBinary, kernel.protocol);
    if (message) kernels.answer(kernelId, message);
    else kernels.output(kernelId);
    frontEnd.send(data, { binary: isBinary, compress: false }, resumeWhenLow);
    if (frontEnd.bufferedAmount > HIGH_BYTES) kernel.pause();
  });
}

/** Resolves when `from` has ended. */
async function passClose(
  from: WebSocket,
  pass: (code: number, reason: Buffer) => void,
): Promise<void> {
  from.on('error', () => undefined); // `close` follows and is what counts.
  await new Promise<void>((resolve) => {
    from.once('close', (code, reason) => {
      pass(code, reason);
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
