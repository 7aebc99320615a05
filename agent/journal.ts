// A kernel's log as its host writes it: a disk that is full stays so for a while, and what has happened meanwhile waits here,
// in its order, until there is room. kernel-host.ts owns it.
import type { Clock } from './clock.ts';
import type { KernelLog, LogRecord } from './kernel-log/kernel-log.ts';
import type { Entry } from './queue/entry.ts';

const NO_ROOM_MILLISECONDS = 5_000;

export interface JournalOptions {
  kernelLog: KernelLog;
  clock: Pick<Clock, 'after'>;
  onWritten: (record: LogRecord) => void;
  /** What could not be written is to be tried again. */
  onAgain: () => void;
}

export class Journal {
  readonly #options: JournalOptions;
  readonly #due: Omit<LogRecord, 'sequence'>[] = [];
  #stopWaiting: (() => void) | undefined;

  constructor(options: JournalOptions) {
    this.#options = options;
  }

  /** Something that has happened is not written yet. */
  get isBehind(): boolean {
    return this.#due.length > 0;
  }

  get isWaiting(): boolean {
    return this.#stopWaiting !== undefined;
  }

  /** What has happened, whether there is room or not: `catchUp` writes it. */
  note(entry: Entry, body?: Buffer): void {
    this.#due.push({ entry, body });
  }

  /** @throws when the disk does not take it all; what is left waits for the next time */
  catchUp(): void {
    for (let next = this.#due[0]; next; next = this.#due[0]) {
      const sequence = this.#options.kernelLog.append(next.entry, next.body);
      this.#due.shift();
      this.#options.onWritten({ ...next, sequence });
    }
  }

  /** Behind what has happened. @throws when the disk does not take it; then nothing of it is there, nor comes later */
  append(entry: Entry, body?: Buffer): void {
    this.catchUp();
    const sequence = this.#options.kernelLog.append(entry, body);
    this.#options.onWritten({ sequence, entry, body });
  }

  /** There is no room: it is tried again after a while. */
  wait(): void {
    const { clock, onAgain } = this.#options;
    this.#stopWaiting?.();
    this.#stopWaiting = clock.after(NO_ROOM_MILLISECONDS, onAgain);
  }

  stopWaiting(): void {
    this.#stopWaiting?.();
    this.#stopWaiting = undefined;
  }
}
