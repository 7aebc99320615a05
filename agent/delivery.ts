// Takes a kernel's log to one front-end: what has just been written directly, what it has missed from the disk, and no
// more than it takes. channel-end.ts and plain-end.ts use it.
import type { KernelLog, LogRecord } from './kernel-log/kernel-log.ts';

/** Read from the disk at a time. */
const READ_BYTES = 1_048_576;

export interface DeliveryOptions {
  key: string;
  log: Pick<KernelLog, 'head' | 'first' | 'read'>;
  /** Delivery begins behind it. */
  position: number;
  /** Whether it takes more now; if not, `more` is to be called when it does. */
  mayTake: () => boolean;
  take: (sequence: number, message: Buffer) => void;
  /** Nothing up to here was for it. */
  skipped: (sequence: number) => void;
  /** What comes next was thrown away at the log's bound. */
  lost: () => void;
}

export class Delivery {
  readonly #options: DeliveryOptions;
  #position: number;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#position = options.position;
  }

  appended(record: LogRecord): void {
    if (record.sequence === this.#position + 1 && this.#options.mayTake()) this.#pass(record);
  }

  /** From the disk, until it has caught up or takes no more. */
  more(): void {
    const { log, mayTake, lost } = this.#options;
    while (this.#position < log.head && mayTake()) {
      if (this.#position + 1 < log.first) {
        this.#position = log.first - 1;
        lost();
      }
      const records = log.read(this.#position, READ_BYTES);
      if (records.length === 0) return;
      for (const record of records) {
        if (!mayTake()) return;
        this.#pass(record);
      }
    }
  }

  #pass({ sequence, entry, body }: LogRecord): void {
    this.#position = sequence;
    const { key, take, skipped } = this.#options;
    const isMessage = entry.kind === 'message' && body !== undefined;
    if (isMessage && (entry.to === undefined || entry.to === key)) take(sequence, body);
    else skipped(sequence);
  }
}
