// The codec of the IAP relay's protocol, version 4, as the relay speaks it: one WebSocket message is one
// frame. Written apart from client/tunnel on purpose, so that the two check each other.
// Source: the Cloud SDK, api_lib/compute/iap_tunnel_websocket_utils.py.

const TAG = { sessionId: 0x0001, reconnectAck: 0x0002, data: 0x0004, ack: 0x0007 } as const;

export const MAX_DATA_BYTES = 16_384;
const DATA_HEADER_BYTES = 6;

/** Close codes of the relay; their names are those of Google's IAP Desktop (SshRelayCloseCode). */
export const CLOSE = {
  normal: 1000,
  unknown: 4000,
  sessionUnknown: 4001,
  sessionInUse: 4002,
  failedToConnect: 4003,
  reauthenticate: 4004,
  badAck: 4005,
  invalidAck: 4006,
  invalidOpcode: 4007,
  invalidTag: 4008,
  writeFailed: 4009,
  readFailed: 4010,
  invalidData: 4013,
  notAuthorized: 4033,
  lookupFailed: 4047,
  lookupFailedOnReconnect: 4051,
  failedToRewind: 4074,
} as const;
export type CloseCode = (typeof CLOSE)[keyof typeof CLOSE];

/** What a client may send. */
export type ClientFrame = { kind: 'data'; data: Buffer } | { kind: 'ack'; bytes: number };

export class FrameError extends Error {
  override name = 'FrameError';
  readonly closeCode: CloseCode;

  constructor(closeCode: CloseCode, message: string) {
    super(message);
    this.closeCode = closeCode;
  }
}

/** @throws FrameError with the code to close with. */
export function readFrame(message: Buffer): ClientFrame {
  if (message.length < 2) throw new FrameError(CLOSE.invalidTag, 'frame without a tag');
  const tag = message.readUInt16BE(0);
  const body = message.subarray(2);
  if (tag === TAG.data) return readData(body);
  if (tag === TAG.ack) return readAck(body);
  throw new FrameError(CLOSE.invalidTag, `invalid tag ${tag}`);
}

function readData(body: Buffer): ClientFrame {
  if (body.length < 4) throw new FrameError(CLOSE.invalidData, 'data frame without a length');
  const length = body.readUInt32BE(0);
  if (length === 0 || length > MAX_DATA_BYTES) {
    throw new FrameError(CLOSE.invalidData, `data frame of ${length} bytes`);
  }
  if (body.length !== 4 + length) {
    throw new FrameError(
      CLOSE.invalidData,
      `data frame of ${body.length - 4} bytes says ${length}`,
    );
  }
  return { kind: 'data', data: body.subarray(4) };
}

function readAck(body: Buffer): ClientFrame {
  if (body.length !== 8) throw new FrameError(CLOSE.badAck, 'ack frame of the wrong length');
  const bytes = Number(body.readBigUInt64BE(0));
  if (!Number.isSafeInteger(bytes)) throw new FrameError(CLOSE.badAck, 'ack too large');
  return { kind: 'ack', bytes };
}

export function sessionIdFrame(id: string): Buffer {
  const bytes = Buffer.from(id);
  const header = Buffer.alloc(6);
  header.writeUInt16BE(TAG.sessionId, 0);
  header.writeUInt32BE(bytes.length, 2);
  return Buffer.concat([header, bytes]);
}

/** As many as it takes, in memory that is allocated once. */
export function dataFrames(data: Buffer): Buffer[] {
  const count = Math.ceil(data.length / MAX_DATA_BYTES);
  const memory = Buffer.allocUnsafe(data.length + count * DATA_HEADER_BYTES);
  return Array.from({ length: count }, (_, index) => {
    const start = index * MAX_DATA_BYTES;
    const piece = data.subarray(start, start + MAX_DATA_BYTES);
    const at = start + index * DATA_HEADER_BYTES;
    memory.writeUInt16BE(TAG.data, at);
    memory.writeUInt32BE(piece.length, at + 2);
    piece.copy(memory, at + DATA_HEADER_BYTES);
    return memory.subarray(at, at + DATA_HEADER_BYTES + piece.length);
  });
}

export function ackFrame(bytes: number): Buffer {
  return countFrame(TAG.ack, bytes);
}

export function reconnectAckFrame(bytes: number): Buffer {
  return countFrame(TAG.reconnectAck, bytes);
}

function countFrame(tag: number, bytes: number): Buffer {
  const frame = Buffer.alloc(10);
  frame.writeUInt16BE(tag, 0);
  frame.writeBigUInt64BE(BigInt(bytes), 2);
  return frame;
}
