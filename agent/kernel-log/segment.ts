// One file of a kernel's log: records in the order of their numbers, the first of which says what came before. Only the
// newest is written. kernel-log.ts has the list of them.
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  rmSync,
} from 'node:fs';
import path from 'node:path';
import type { RawRecord } from './records.ts';
import { recordAt, recordBytesAt, recordHead } from './records.ts';
import { writeAll } from './write-all.ts';

/** A place is remembered for every so many bytes: a reader looks for its own from there. */
const INDEX_BYTES = 65_536;
const READ_BYTES = 1_048_576;

/** What was left in it: everything, everything but text, or only requests that are still to be sent. */
export type Left = 'all' | 'noText' | 'needed';

interface Place {
  sequence: number;
  offset: number;
}

export class Segment {
  readonly path: string;
  /** The number of the first record behind the snapshot. */
  readonly first: number;
  /** Said in its first record, so that a later agent knows it too. */
  readonly left: Left;
  readonly #file: number;
  #bytes: number;
  #index: Place[] = [];
  #indexedTo = 0;

  /** @throws when the file cannot be opened */
  constructor(folder: string, first: number) {
    this.first = first;
    this.path = segmentPath(folder, first);
    this.#file = openSync(this.path, constants.O_RDWR | constants.O_CREAT, 0o600);
    this.#bytes = fstatSync(this.#file).size;
    this.left = this.#readLeft();
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** @throws when the disk does not take it; then nothing of it is there */
  append(sequence: number, header: string, body: Buffer | undefined): void {
    const start = this.#bytes;
    const head = recordHead(sequence, header, body?.length ?? 0);
    try {
      writeAll(this.#file, body ? [head, body] : [head], start);
    } catch (error) {
      ftruncateSync(this.#file, start);
      throw error;
    }
    this.#bytes = start + head.length + (body?.length ?? 0);
    this.#note(sequence, start, this.#bytes);
  }

  /** The records from the one with this number on, as many as fit into `maxBytes` and at least one. */
  read(from: number, maxBytes: number): RawRecord[] {
    const records: RawRecord[] = [];
    let bytes = 0;
    for (const record of this.records(this.#placeOf(from))) {
      if (record.sequence < from) continue;
      records.push(record);
      bytes += record.bytes;
      if (bytes >= maxBytes) break;
    }
    return records;
  }

  /** All whole records from this offset on. */
  *records(offset = 0): Generator<RawRecord> {
    let at = offset;
    for (let chunk = this.#chunk(at); chunk; chunk = this.#chunk(at)) {
      let inside = 0;
      for (let record = recordAt(chunk, 0); record; record = recordAt(chunk, inside)) {
        this.#note(record.sequence, at + inside, at + inside + record.bytes);
        inside += record.bytes;
        yield record;
      }
      if (inside === 0) return;
      at += inside;
    }
  }

  /** Hands over its records up to the first that is not whole, or that `take` throws at, and cuts off the rest. */
  mend(take: (record: RawRecord) => void): void {
    let end = 0;
    for (const record of this.records()) {
      try {
        take(record);
      } catch {
        break;
      }
      end += record.bytes;
    }
    if (end < this.#bytes) this.#cut(end);
  }

  close(): void {
    closeSync(this.#file);
  }

  remove(): void {
    this.close();
    rmSync(this.path, { force: true });
  }

  #readLeft(): Left {
    const [snapshot] = this.read(0, 1);
    try {
      const { left } = JSON.parse(snapshot?.header.toString() ?? '{}') as { left?: Left };
      return left ?? 'all';
    } catch {
      return 'all';
    }
  }

  #cut(end: number): void {
    ftruncateSync(this.#file, end);
    this.#bytes = end;
    this.#index = this.#index.filter(({ offset }) => offset < end);
    this.#indexedTo = Math.min(this.#indexedTo, end);
  }

  /** Memory of its own: what is read from it stays as it is. `undefined` at the end. */
  #chunk(offset: number): Buffer | undefined {
    const rest = this.#bytes - offset;
    if (rest <= 0) return undefined;
    const chunk = this.#readAt(offset, Math.min(rest, READ_BYTES));
    const bytes = recordBytesAt(chunk, 0);
    if (bytes === undefined || bytes > rest) return undefined;
    return bytes > chunk.length ? this.#readAt(offset, bytes) : chunk;
  }

  #readAt(offset: number, bytes: number): Buffer {
    const chunk = Buffer.allocUnsafeSlow(bytes);
    const read = readSync(this.#file, chunk, 0, bytes, offset);
    return read === bytes ? chunk : chunk.subarray(0, read);
  }

  #note(sequence: number, offset: number, end: number): void {
    if (offset !== this.#indexedTo) return;
    const last = this.#index.at(-1);
    if (!last || offset - last.offset >= INDEX_BYTES) this.#index.push({ sequence, offset });
    this.#indexedTo = end;
  }

  /** Where a search for the record begins. */
  #placeOf(sequence: number): number {
    let [low, high] = [0, this.#index.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#index[middle]?.sequence ?? 0) <= sequence) low = middle + 1;
      else high = middle;
    }
    return this.#index[low - 1]?.offset ?? 0;
  }
}

export function segmentPath(folder: string, first: number): string {
  return path.join(folder, `${String(first).padStart(16, '0')}.log`);
}

export function segmentFirst(fileName: string): number | undefined {
  const match = /^(\d{16})\.log$/.exec(fileName);
  return match ? Number(match[1]) : undefined;
}
