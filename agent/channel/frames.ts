// What travels on a channel's WebSocket between relay and agent: control frames as JSON text, kernel messages as binary
// (pure codec). The rules of who sends what when are in link.ts.
import { z } from 'zod';

/** The WebSocket's sub-protocol: who offers it speaks these frames, everybody else is a plain Jupyter front-end. */
export const CHANNEL_SUBPROTOCOL = 'v1.channel.datalab';

/** A request larger than this is refused at the relay: the gateway would close its connection. */
export const MAX_REQUEST_BYTES = 256 * 1_048_576;
/** A frame is a kernel's message and a few bytes more. */
export const MAX_FRAME_BYTES = 1_073_741_824;

/** WebSocket close codes of a channel. */
export const CLOSE = {
  /** Another connection of the same channel has come: this one is of no use any more. */
  superseded: 4409,
  /** The other end sent what is no frame. */
  protocol: 4400,
} as const;

/** Answers to a restart carry where in the kernel's log it stands: what is sent afterwards was sent in its knowledge. */
export const POSITION_HEADER = 'datalab-kernel-position';
/** Requests that make something carry it; a repeated one gets the answer of the first. */
export const IDEMPOTENCY_HEADER = 'idempotency-key';

const position = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const name = z.string().min(1).max(256);

/** The relay's first word on every connection. */
const hello = z.object({
  kind: z.literal('hello'),
  /** Of the channel as the relay remembers it; absent: there was none. */
  channel: z.object({ incarnation: name, epoch: position }).optional(),
  /** Everything up to here has arrived, and up to there was delivered to the front-end. */
  received: position,
  delivered: position,
});

/** The agent's answer to it. */
const welcome = z.object({
  kind: z.literal('welcome'),
  /** The relay's channel goes on; otherwise this is another one, which begins at `delivered`. */
  isResumed: z.boolean(),
  channel: z.object({ incarnation: name, epoch: position }),
  /** Everything up to here of what the relay has sent is in the agent's log. */
  received: position,
  /** Where delivery to the front-end goes on. */
  delivered: position,
  /** What the kernel is doing. */
  executionState: z.enum(['idle', 'busy', 'starting']),
  /** Of the kernel's messages; absent from older agents. */
  session: z.string().optional(),
});

/** Everything up to here is kept for good, and may be forgotten by its sender. */
const ack = z.object({ kind: z.literal('ack'), upTo: position });
/** The front-end has gone and will not come back. */
const bye = z.object({ kind: z.literal('bye') });
/** There is no such kernel any more. */
const dead = z.object({ kind: z.literal('dead'), reason: z.string().max(1_000) });

const control = z.discriminatedUnion('kind', [hello, welcome, ack, bye, dead]);

export type Hello = z.infer<typeof hello>;
export type Welcome = z.infer<typeof welcome>;
export type ControlFrame = z.infer<typeof control>;

/** A kernel's message on its way to the front-end. */
export interface Delivery {
  readonly sequence: number;
  readonly message: Buffer;
}

/** A front-end's message on its way to the kernel. */
export interface Request {
  /** 0 for what is delivered now or refused: messages to the control channel. */
  readonly sequence: number;
  /** How much of the kernel's log the front-end had when it sent this. */
  readonly seen: number;
  /** How long it waited in the relay. */
  readonly waitedMilliseconds: number;
  readonly message: Buffer;
}

/** The bytes are no frame. */
export class ChannelFrameError extends Error {
  override name = 'ChannelFrameError';
}

const NUMBER_BYTES = 6;
const DELIVERY_HEADER_BYTES = NUMBER_BYTES;
const REQUEST_HEADER_BYTES = 3 * NUMBER_BYTES;
const MAX_NUMBER = 2 ** 48 - 1;

export function encodeControl(frame: ControlFrame): string {
  return JSON.stringify(frame);
}

/** @throws ChannelFrameError */
export function decodeControl(text: string): ControlFrame {
  try {
    return control.parse(JSON.parse(text));
  } catch (error) {
    throw new ChannelFrameError('no control frame', { cause: error });
  }
}

/** In two parts, so that a large message need not be copied. */
export function deliveryHeader(sequence: number): Buffer {
  return numbers([sequence]);
}

/** Shares the frame's memory. @throws ChannelFrameError */
export function decodeDelivery(frame: Buffer): Delivery {
  const [sequence = 0] = readNumbers(frame, 1);
  return { sequence, message: frame.subarray(DELIVERY_HEADER_BYTES) };
}

export function encodeRequest(request: Request): Buffer {
  const { sequence, seen, waitedMilliseconds, message } = request;
  return Buffer.concat([numbers([sequence, seen, waitedMilliseconds]), message]);
}

/** Shares the frame's memory. @throws ChannelFrameError */
export function decodeRequest(frame: Buffer): Request {
  const [sequence = 0, seen = 0, waitedMilliseconds = 0] = readNumbers(frame, 3);
  return { sequence, seen, waitedMilliseconds, message: frame.subarray(REQUEST_HEADER_BYTES) };
}

function numbers(values: readonly number[]): Buffer {
  const encoded = Buffer.allocUnsafe(NUMBER_BYTES * values.length);
  values.forEach((value, index) => {
    encoded.writeUIntBE(
      Math.max(0, Math.min(Math.round(value), MAX_NUMBER)),
      NUMBER_BYTES * index,
      6,
    );
  });
  return encoded;
}

function readNumbers(frame: Buffer, count: number): number[] {
  if (frame.length < NUMBER_BYTES * count) throw new ChannelFrameError('a frame is cut short');
  return Array.from({ length: count }, (_, index) => frame.readUIntBE(NUMBER_BYTES * index, 6));
}
