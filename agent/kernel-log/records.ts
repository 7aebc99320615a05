// The records of a log's segments as bytes (pure): how one is put together, and how they are found again. segment.ts reads
// and writes files of them.

/** Length of what follows, sequence number, length of the header. */
const PREFIX_BYTES = 4 + 6 + 4;

export interface RawRecord {
  sequence: number;
  /** JSON. */
  header: Buffer;
  body: Buffer | undefined;
  /** Of the whole record. */
  bytes: number;
}

/** All but the body, which may be large and is written behind it. */
export function recordHead(sequence: number, header: string, bodyBytes: number): Buffer {
  const headerBytes = Buffer.byteLength(header);
  const head = Buffer.allocUnsafe(PREFIX_BYTES + headerBytes);
  head.writeUInt32BE(PREFIX_BYTES - 4 + headerBytes + bodyBytes, 0);
  head.writeUIntBE(sequence, 4, 6);
  head.writeUInt32BE(headerBytes, 10);
  head.write(header, PREFIX_BYTES);
  return head;
}

/** The record that begins at `offset`; `undefined` if the bytes do not hold all of it. Shares their memory. */
export function recordAt(bytes: Buffer, offset: number): RawRecord | undefined {
  const length = recordBytesAt(bytes, offset);
  if (length === undefined || offset + length > bytes.length) return undefined;
  const headerBytes = bytes.readUInt32BE(offset + 10);
  const end = offset + length;
  const bodyStart = offset + PREFIX_BYTES + headerBytes;
  if (bodyStart > end) return undefined;
  return {
    sequence: bytes.readUIntBE(offset + 4, 6),
    header: bytes.subarray(offset + PREFIX_BYTES, bodyStart),
    body: bodyStart === end ? undefined : bytes.subarray(bodyStart, end),
    bytes: length,
  };
}

/** How long the record at `offset` is; `undefined` if not even that is there. */
export function recordBytesAt(bytes: Buffer, offset: number): number | undefined {
  if (offset + PREFIX_BYTES > bytes.length) return undefined;
  const length = 4 + bytes.readUInt32BE(offset);
  return length < PREFIX_BYTES ? undefined : length;
}
