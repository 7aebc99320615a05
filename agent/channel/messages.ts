// Kernel messages in their two WebSocket forms: `v1.kernel.websocket.jupyter.org`, which is the only one inside a channel,
// and the older JSON (pure). Agent and relay both use it; source of the layouts: jupyter_server/base/zmqhandlers.py.
import { z } from 'zod';

export const V1_SUBPROTOCOL = 'v1.kernel.websocket.jupyter.org';

const channel = z.enum(['shell', 'iopub', 'stdin', 'control']);
const header = z.looseObject({
  msg_id: z.string(),
  msg_type: z.string(),
  session: z.string().optional(),
  subshell_id: z.string().nullish(),
});
/** Empty in messages that answer nothing. */
const parentHeader = header.partial();
const jsonMessage = z.looseObject({
  header,
  parent_header: parentHeader.nullish(),
  metadata: z.record(z.string(), z.unknown()).nullish(),
  content: z.unknown().optional(),
  channel: z.string().nullish(),
});

export type Header = z.infer<typeof header>;
export type ParentHeader = z.infer<typeof parentHeader>;

/** One message; what is not asked for is not decoded. */
export interface Message {
  /** `shell`, `iopub`, `stdin` or `control` */
  readonly channel: string;
  readonly header: Header;
  readonly parent: ParentHeader;
  content(): Record<string, unknown>;
}

/** What a message is made of. */
export interface NewMessage {
  channel: string;
  header: Header;
  parent?: ParentHeader;
  metadata?: unknown;
  content: unknown;
  buffers?: readonly Buffer[];
}

/** The bytes are no kernel message. */
export class MessageError extends Error {
  override name = 'MessageError';
}

const OFFSET_BYTES = 8;
/** channel, header, parent header, metadata, content, and the end. */
const LEAST_OFFSETS = 6;

/**
 * Shares the frame's memory. A cell's content is looked at in any case: what the agent could not understand would be sent
 * to it for ever.
 * @throws MessageError
 */
export function readMessage(frame: Buffer): Message {
  return understand(() => {
    const part = partsOf(frame);
    const message = {
      channel: channel.parse(part(0).toString()),
      header: header.parse(parseJson(part(1))),
      parent: parentHeader.parse(parseJson(part(2))),
      content: () => understand(() => contentIn(part(4))),
    };
    if (message.header.msg_type === 'execute_request') message.content();
    return message;
  });
}

export function writeMessage(message: NewMessage): Buffer {
  const { channel, header: own, parent = {}, metadata = {}, content, buffers = [] } = message;
  const json = [own, parent, metadata, content].map((part) => Buffer.from(JSON.stringify(part)));
  return joinParts([Buffer.from(channel), ...json, ...buffers]);
}

/** What came on a WebSocket with this sub-protocol, as a v1 frame. @throws MessageError */
export function fromWire(protocol: string, data: Buffer, isBinary: boolean): Buffer {
  return protocol === V1_SUBPROTOCOL ? data : fromJson(data, isBinary);
}

/** A v1 frame as it goes out on a WebSocket with this sub-protocol. @throws MessageError */
export function toWire(protocol: string, frame: Buffer): { data: Buffer; isBinary: boolean } {
  return protocol === V1_SUBPROTOCOL ? { data: frame, isBinary: true } : toJson(frame);
}

/** A message of the older protocol, text or binary, as a v1 frame. @throws MessageError */
export function fromJson(data: Buffer, isBinary: boolean): Buffer {
  return understand(() => {
    const [text, ...buffers] = isBinary ? jsonParts(data) : [data];
    const message = jsonMessage.parse(parseJson(text ?? data));
    return writeMessage({
      // jupyter-server, too, takes a message without a channel for one to the shell, and no content for an empty one.
      channel: message.channel ?? 'shell',
      header: message.header,
      parent: message.parent_header ?? {},
      metadata: message.metadata ?? {},
      content: message.content ?? {},
      buffers,
    });
  });
}

/** A v1 frame in the older protocol: text, or binary when it has buffers. @throws MessageError */
export function toJson(frame: Buffer): { data: Buffer; isBinary: boolean } {
  return understand(() => {
    const part = partsOf(frame);
    const own = part(1).toString();
    const { msg_id, msg_type } = header.parse(JSON.parse(own));
    const ids = `"msg_id":${JSON.stringify(msg_id)},"msg_type":${JSON.stringify(msg_type)}`;
    const [parent, metadata, content] = [2, 3, 4].map((index) => part(index).toString());
    const text = Buffer.from(
      `{"header":${own},${ids},"parent_header":${parent},"metadata":${metadata},` +
        `"content":${content},"channel":${JSON.stringify(part(0).toString())},"buffers":[]}`,
    );
    const buffers = Array.from({ length: countParts(frame) - 5 }, (_, index) => part(5 + index));
    if (buffers.length === 0) return { data: text, isBinary: false };
    return { data: joinJson([text, ...buffers]), isBinary: true };
  });
}

/** Bounds and offsets are little-endian 64-bit numbers: how many offsets, where each part begins, and the end. */
function partsOf(frame: Buffer): (index: number) => Buffer {
  if (countParts(frame) + 1 < LEAST_OFFSETS) throw new MessageError('too few parts');
  return (index) => cut(frame, offsetOf(frame, index), offsetOf(frame, index + 1));
}

function countParts(frame: Buffer): number {
  return Number(frame.readBigUInt64LE(0)) - 1;
}

function offsetOf(frame: Buffer, index: number): number {
  return Number(frame.readBigUInt64LE(OFFSET_BYTES * (index + 1)));
}

/** In order, or a small frame could have the same bytes in a thousand large buffers. */
function cut(frame: Buffer, begin: number, end: number): Buffer {
  if (end > frame.length) throw new MessageError('an offset behind the end');
  if (begin > end) throw new MessageError('a part ends before it begins');
  return frame.subarray(begin, end);
}

function joinParts(parts: readonly Buffer[]): Buffer {
  const head = Buffer.alloc(OFFSET_BYTES * (parts.length + 2));
  head.writeBigUInt64LE(BigInt(parts.length + 1), 0);
  let offset = head.length;
  parts.forEach((part, index) => {
    head.writeBigUInt64LE(BigInt(offset), OFFSET_BYTES * (index + 1));
    offset += part.length;
  });
  head.writeBigUInt64LE(BigInt(offset), OFFSET_BYTES * (parts.length + 1));
  return Buffer.concat([head, ...parts]);
}

/** Big-endian 32-bit numbers: how many parts, and where each begins. */
function jsonParts(data: Buffer): Buffer[] {
  const count = data.readUInt32BE(0);
  if (4 * (count + 1) > data.length) throw new MessageError('an offset behind the end');
  const offsets = Array.from({ length: count }, (_, index) => data.readUInt32BE(4 * (index + 1)));
  return offsets.map((offset, index) => cut(data, offset, offsets[index + 1] ?? data.length));
}

function joinJson(parts: readonly Buffer[]): Buffer {
  const head = Buffer.alloc(4 * (parts.length + 1));
  head.writeUInt32BE(parts.length, 0);
  let offset = head.length;
  parts.forEach((part, index) => {
    head.writeUInt32BE(offset, 4 * (index + 1));
    offset += part.length;
  });
  return Buffer.concat([head, ...parts]);
}

function parseJson(data: Buffer): unknown {
  return JSON.parse(data.toString()) as unknown;
}

function contentIn(data: Buffer): Record<string, unknown> {
  const content = parseJson(data);
  const isObject = typeof content === 'object' && content !== null && !Array.isArray(content);
  if (!isObject) throw new MessageError('content that is no object');
  return content as Record<string, unknown>;
}

function understand<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof MessageError) throw error;
    throw new MessageError('no kernel message', { cause: error });
  }
}
