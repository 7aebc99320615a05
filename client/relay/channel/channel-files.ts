// The files of one channel in one of its lives: what waits to be sent, what its front-end has not heard, and how far it is
// in the kernel's log. channel-store.ts says which life is the present one; each has files of its own.
import { closeSync, constants, openSync, readSync, readdirSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import { Outbox } from './outbox.ts';

const CURSOR_BYTES = 6;
const KINDS = ['outbox', 'unheard', 'cursor'] as const;

export class ChannelFiles {
  readonly outbox: Outbox;
  /** For the front-end, and not in the kernel's log: answers of the relay's own, and what came in a channel that is over. */
  readonly unheard: Outbox;
  readonly #cursorFile: number;
  #cursor: number;

  /** @throws when the disk does not take it */
  constructor(folder: string, life: number) {
    const open = (kind: (typeof KINDS)[number]) => path.join(folder, nameOf(kind, life));
    this.outbox = new Outbox(open('outbox'));
    this.unheard = new Outbox(open('unheard'));
    this.#cursorFile = openSync(open('cursor'), constants.O_RDWR | constants.O_CREAT, 0o600);
    this.#cursor = readCursor(this.#cursorFile);
  }

  /** Everything up to here was handed to the front-end. */
  get cursor(): number {
    return this.#cursor;
  }

  set cursor(position: number) {
    if (position === this.#cursor) return;
    const bytes = Buffer.alloc(CURSOR_BYTES);
    bytes.writeUIntBE(position, 0, CURSOR_BYTES);
    writeSync(this.#cursorFile, bytes, 0, CURSOR_BYTES, 0);
    this.#cursor = position;
  }

  close(): void {
    this.outbox.close();
    this.unheard.close();
    closeSync(this.#cursorFile);
  }
}

/** What other lives have left, whoever died in the middle of a change. */
export function removeOtherLives(folder: string, life: number): void {
  const present = KINDS.map((kind) => nameOf(kind, life));
  for (const file of readdirSync(folder)) {
    const isOurs = KINDS.some((kind) => file === kind || file.startsWith(`${kind}-`));
    if (isOurs && !present.includes(file)) rmSync(path.join(folder, file), { force: true });
  }
}

function nameOf(kind: (typeof KINDS)[number], life: number): string {
  return life === 0 ? kind : `${kind}-${life}`;
}

function readCursor(file: number): number {
  const bytes = Buffer.alloc(CURSOR_BYTES);
  const isWhole = readSync(file, bytes, 0, CURSOR_BYTES, 0) === CURSOR_BYTES;
  return isWhole ? bytes.readUIntBE(0, CURSOR_BYTES) : 0;
}
