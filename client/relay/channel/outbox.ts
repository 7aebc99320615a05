// Messages on disk that one side has sent and the other has not acknowledged: they outlive the relay. requests.ts writes a
// front-end's before anything is sent, front-end.ts what is for the front-end itself.
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  writeSync,
} from 'node:fs';

/** Beyond this a front-end is not read until the agent has taken something. */
const MAX_BYTES = 256 * 1_048_576;

const MAGIC = 0x444c4f31;
const HEADER_BYTES = 10;
const LENGTH_BYTES = 4;
const NUMBER_BYTES = 6;
/** number, seen, when */
const FACTS_BYTES = 3 * NUMBER_BYTES;

export interface Waiting {
  /** Of the channel's count, from 1. */
  readonly number: number;
  /** How much of the kernel's log its front-end had. */
  readonly seen: number;
  /** When it came, in ms since the epoch: a laptop's sleep counts. */
  readonly at: number;
  readonly bytes: number;
}

type Placed = Waiting & { offset: number };

export class Outbox {
  readonly #file: number;
  readonly #maxBytes: number;
  #waiting: Placed[] = [];
  #end: number;
  #next: number;

  /** Cuts off what was not written whole. @throws when the file cannot be opened */
  constructor(path: string, maxBytes = MAX_BYTES) {
    this.#file = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    this.#maxBytes = maxBytes;
    this.#next = this.#readHeader();
    this.#end = this.#readAll();
    // Only then: whoever looks when it was last used looks at its time.
    if (fstatSync(this.#file).size > this.#end) ftruncateSync(this.#file, this.#end);
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  get isFull(): boolean {
    return this.#end > this.#maxBytes;
  }

  /** In the order in which they came. */
  get waiting(): readonly Waiting[] {
    return this.#waiting;
  }

  /**
   * When this returns, the message is with the operating system. @returns its number
   * @throws when the disk does not take it; then nothing of it is there, and its number is the next one's
   */
  append(message: Buffer, seen: number, at: number): number {
    const number = this.#next;
    const head = Buffer.allocUnsafe(LENGTH_BYTES + FACTS_BYTES);
    head.writeUInt32BE(FACTS_BYTES + message.length, 0);
    [number, seen, at].forEach((value, index) => {
      head.writeUIntBE(value, LENGTH_BYTES + NUMBER_BYTES * index, NUMBER_BYTES);
    });
    try {
      this.#write(Buffer.concat([head, message]), this.#end);
    } catch (error) {
      ftruncateSync(this.#file, this.#end);
      throw error;
    }
    const offset = this.#end + head.length;
    this.#waiting.push({ number, seen, at, bytes: message.length, offset });
    this.#end = offset + message.length;
    this.#next = number + 1;
    return number;
  }

  read({ number }: Waiting): Buffer | undefined {
    const found = this.#placed(number);
    if (!found) return undefined;
    const message = Buffer.allocUnsafe(found.bytes);
    readSync(this.#file, message, 0, found.bytes, found.offset);
    return message;
  }

  readAll(): Buffer[] {
    return this.#waiting.flatMap((item) => this.read(item) ?? []);
  }

  /** The first that stands behind `number`. */
  after(number: number): Waiting | undefined {
    return this.#placed(Math.max(number + 1, this.#waiting[0]?.number ?? 0));
  }

  /** The other side has everything up to here. */
  forget(upTo: number): void {
    const first = this.#waiting[0]?.number ?? 0;
    if (upTo < first) return;
    this.#waiting = this.#waiting.slice(upTo + 1 - first);
    if (this.#waiting.length === 0 && this.#end > HEADER_BYTES) this.#empty(this.#next);
  }

  close(): void {
    closeSync(this.#file);
  }

  /** Numbers have no gaps. */
  #placed(number: number): Placed | undefined {
    return this.#waiting[number - (this.#waiting[0]?.number ?? 0)];
  }

  #empty(next: number): void {
    this.#next = next;
    // The count first: a number must not be given twice.
    this.#writeHeader();
    ftruncateSync(this.#file, HEADER_BYTES);
    this.#end = HEADER_BYTES;
  }

  #readHeader(): number {
    const header = Buffer.alloc(HEADER_BYTES);
    const isWhole = readSync(this.#file, header, 0, HEADER_BYTES, 0) === HEADER_BYTES;
    if (isWhole && header.readUInt32BE(0) === MAGIC) return header.readUIntBE(4, NUMBER_BYTES);
    this.#next = 1;
    this.#writeHeader();
    ftruncateSync(this.#file, HEADER_BYTES);
    return 1;
  }

  #writeHeader(): void {
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt32BE(MAGIC, 0);
    header.writeUIntBE(this.#next, 4, NUMBER_BYTES);
    this.#write(header, 0);
  }

  /** @returns where the last whole record ends */
  #readAll(): number {
    const { size } = fstatSync(this.#file);
    const head = Buffer.alloc(LENGTH_BYTES + FACTS_BYTES);
    let end = HEADER_BYTES;
    while (readSync(this.#file, head, 0, head.length, end) === head.length) {
      const bytes = head.readUInt32BE(0) - FACTS_BYTES;
      const offset = end + head.length;
      const fact = (index: number) =>
        head.readUIntBE(LENGTH_BYTES + NUMBER_BYTES * index, NUMBER_BYTES);
      if (bytes < 0 || offset + bytes > size || !this.#isNext(fact(0))) break;
      this.#waiting.push({ number: fact(0), seen: fact(1), at: fact(2), bytes, offset });
      this.#next = fact(0) + 1;
      end = offset + bytes;
    }
    return end;
  }

  /** The first may be any behind the header's count, which is written when the box is empty. */
  #isNext(number: number): boolean {
    return this.#waiting.length === 0 ? number >= this.#next : number === this.#next;
  }

  #write(data: Buffer, position: number): void {
    for (let written = 0; written < data.length;) {
      written += writeSync(this.#file, data, written, data.length - written, position + written);
    }
  }
}
