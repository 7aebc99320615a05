// The frames of the IAP tunnel protocol, version 4: bytes <-> Frame, nothing else (pure).
// stream.ts encodes and decodes with it. Source of the facts: the Cloud SDK's iap_tunnel_websocket_utils.py.

import { assertNever } from '../errors.ts';

/** What a data frame may carry at most. */
export const MAX_DATA_BYTES = 16_384;

const MAX_SESSION_ID_BYTES = 4_096;
const TAG_BYTES = 2;
const LENGTH_BYTES = 4;
const COUNT_BYTES = 8;
/** A data frame is this and the data. */
export const DATA_HEADER_BYTES = TAG_BYTES + LENGTH_BYTES;

const TAGS = { sessionId: 1, reconnectAck: 2, data: 4, ack: 7 } as const;

export type Frame =
  | { kind: 'sessionId'; sessionId: Buffer }
  /** Answer to a reconnect: how many bytes of ours had arrived in all. */
  | { kind: 'reconnectAck'; bytes: number }
  | { kind: 'data'; data: Buffer }
  /** Cumulative: how many bytes of ours have arrived since the tunnel was opened. */
  | { kind: 'ack'; bytes: number }
  /** Tags that this version does not know are skipped. */
  | { kind: 'unknown'; tag: number };

/** The bytes are not a frame of the protocol. */
export class FrameError extends Error {
  override name = 'FrameError';
}

/**
 * Reads one WebSocket message; what it returns shares the message's memory. Bytes behind a frame are ignored, as the
 * Cloud SDK does.
 * @throws FrameError when the frame is cut short or larger than the protocol allows.
 */
export function decodeFrame(message: Buffer): Frame {
  if (message.length < TAG_BYTES) throw new FrameError('a frame is shorter than its tag');
  const tag = message.readUInt16BE(0);
  const body = message.subarray(TAG_BYTES);
  switch (tag) {
    case TAGS.data:
      return { kind: 'data', data: readBytes(body, MAX_DATA_BYTES) };
    case TAGS.ack:
      return { kind: 'ack', bytes: readCount(body) };
    case TAGS.sessionId:
      return { kind: 'sessionId', sessionId: readBytes(body, MAX_SESSION_ID_BYTES) };
    case TAGS.reconnectAck:
      return { kind: 'reconnectAck', bytes: readCount(body) };
    default:
      return { kind: 'unknown', tag };
  }
}

export function encodeFrame(frame: Exclude<Frame, { kind: 'unknown' }>): Buffer {
  switch (frame.kind) {
    case 'data': {
      const encoded = allocateDataFrame(frame.data.length);
      frame.data.copy(encoded, DATA_HEADER_BYTES);
      return encoded;
    }
    case 'sessionId':
      return Buffer.concat([header(TAGS.sessionId, frame.sessionId.length), frame.sessionId]);
    case 'ack':
      return encodeCount(TAGS.ack, frame.bytes);
    case 'reconnectAck':
      return encodeCount(TAGS.reconnectAck, frame.bytes);
    default:
      return assertNever(frame);
  }
}

/** A data frame whose data (behind DATA_HEADER_BYTES) the caller fills in, so that it is copied only once. */
export function allocateDataFrame(dataBytes: number): Buffer {
  if (dataBytes > MAX_DATA_BYTES) throw new FrameError(`a data frame of ${dataBytes} bytes`);
  const frame = Buffer.allocUnsafe(DATA_HEADER_BYTES + dataBytes);
  frame.writeUInt16BE(TAGS.data, 0);
  frame.writeUInt32BE(dataBytes, TAG_BYTES);
  return frame;
}

function header(tag: number, bytes: number): Buffer {
  const encoded = Buffer.allocUnsafe(DATA_HEADER_BYTES);
  encoded.writeUInt16BE(tag, 0);
  encoded.writeUInt32BE(bytes, TAG_BYTES);
  return encoded;
}

function encodeCount(tag: number, count: number): Buffer {
  const encoded = Buffer.allocUnsafe(TAG_BYTES + COUNT_BYTES);
  encoded.writeUInt16BE(tag, 0);
  encoded.writeBigUInt64BE(BigInt(count), TAG_BYTES);
  return encoded;
}

function readBytes(body: Buffer, limit: number): Buffer {
  if (body.length < LENGTH_BYTES) throw new FrameError('a frame ends inside its length');
  const length = body.readUInt32BE(0);
  if (length > limit) throw new FrameError(`a frame of ${length} bytes where ${limit} are allowed`);
  if (body.length < LENGTH_BYTES + length) throw new FrameError('a frame ends before its data');
  return body.subarray(LENGTH_BYTES, LENGTH_BYTES + length);
}

function readCount(body: Buffer): number {
  if (body.length < COUNT_BYTES) throw new FrameError('a frame ends inside its count');
  const count = body.readBigUInt64BE(0);
  if (count > BigInt(Number.MAX_SAFE_INTEGER)) throw new FrameError(`a count of ${count} bytes`);
  return Number(count);
}
