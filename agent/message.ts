// What a kernel's WebSocket frames say, as far as activity needs it: header, parent and status (pure).
// channel-bridge.ts decodes the frames that it passes on; it never changes them.
import { z } from 'zod';

export const V1_SUBPROTOCOL = 'v1.kernel.websocket.jupyter.org';

/** The request that a message belongs to. */
export interface ParentRequest {
  type: string;
  id: string;
  /** It runs beside the shell, not in its turn. */
  isSubshell: boolean;
}

export interface KernelMessage {
  channel: string;
  type: string;
  id: string;
  parent?: ParentRequest;
  /** Of a `status` message. */
  executionState?: string;
}

const header = z.object({ msg_id: z.string(), msg_type: z.string() });
/** Empty in messages that answer nothing. */
const parentHeader = z.object({
  msg_id: z.string().optional(),
  msg_type: z.string().optional(),
  subshell_id: z.string().nullish(),
});
const statusContent = z.object({ execution_state: z.string() });
const jsonMessage = z.object({
  header,
  parent_header: parentHeader.nullish(),
  content: z.unknown(),
  channel: z.string().nullish(),
});

/** `undefined` for what is not a message: it is passed on all the same, judging it is the receiver's business. */
export function decodeMessage(
  data: Buffer,
  isBinary: boolean,
  subprotocol: string,
): KernelMessage | undefined {
  try {
    if (subprotocol === V1_SUBPROTOCOL) return decodeV1(data);
    return decodeJson(isBinary ? jsonPartOf(data) : data);
  } catch {
    return undefined;
  }
}

/**
 * Little-endian 64-bit numbers: how many offsets, then the offsets of channel, header, parent header, metadata,
 * content, buffers and the end (jupyter_server/base/zmqhandlers.py).
 */
function decodeV1(data: Buffer): KernelMessage | undefined {
  const part = (index: number) => data.subarray(offsetOf(data, index), offsetOf(data, index + 1));
  if (Number(data.readBigUInt64LE(0)) < 6) return undefined;
  return toMessage(
    part(0).toString(),
    header.parse(parseJson(part(1))),
    parentHeader.parse(parseJson(part(2))),
    () => parseJson(part(4)),
  );
}

function offsetOf(data: Buffer, index: number): number {
  const offset = Number(data.readBigUInt64LE(8 * (index + 1)));
  if (offset > data.length) throw new RangeError('an offset behind the end');
  return offset;
}

function decodeJson(data: Buffer): KernelMessage {
  const message = jsonMessage.parse(parseJson(data));
  // jupyter-server, too, takes a message without a channel for one to the shell.
  const channel = message.channel ?? 'shell';
  return toMessage(channel, message.header, message.parent_header ?? {}, () => message.content);
}

/** JSON with buffers behind it: big-endian 32-bit numbers, how many parts and where each begins. */
function jsonPartOf(data: Buffer): Buffer {
  const parts = data.readUInt32BE(0);
  const end = parts > 1 ? data.readUInt32BE(8) : data.length;
  return data.subarray(data.readUInt32BE(4), end);
}

function toMessage(
  channel: string,
  own: z.infer<typeof header>,
  parent: z.infer<typeof parentHeader>,
  content: () => unknown,
): KernelMessage {
  const message: KernelMessage = { channel, type: own.msg_type, id: own.msg_id };
  if (parent.msg_id !== undefined) {
    const isSubshell = typeof parent.subshell_id === 'string';
    message.parent = { id: parent.msg_id, type: parent.msg_type ?? '', isSubshell };
  }
  if (own.msg_type === 'status') {
    message.executionState = statusContent.parse(content()).execution_state;
  }
  return message;
}

function parseJson(data: Buffer): unknown {
  return JSON.parse(data.toString()) as unknown;
}
