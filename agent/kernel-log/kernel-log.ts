// A kernel's log on disk: every entry in the order in which it was written, in segments of which the oldest are removed
// when nobody needs them any more. kernel-host.ts writes it; channels read it. The log is also what the kernel's state
// is made of: `state` is always the state after the last entry.
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Entry, Snapshot } from '../queue/entry.ts';
import { entrySchema, fromSnapshot, toSnapshot } from '../queue/entry.ts';
import { reduce } from '../queue/reduce.ts';
import type { KernelState } from '../queue/state.ts';
import { NEW_KERNEL } from '../queue/state.ts';
import { RENEWED, onlyNeeded, withoutText } from './compaction.ts';
import type { RawRecord } from './records.ts';
import { Segment, segmentFirst } from './segment.ts';

const SEGMENT_BYTES = 32 * 1_048_576;
/** Numbers that a log which could not be read may have given. */
const LEAP = 1_000_000;

export interface LogRecord {
  sequence: number;
  entry: Entry;
  /** The message of a `request` or `message` entry, in its v1 form. */
  body: Buffer | undefined;
}

export interface KernelLogOptions {
  /** The kernel's own; made if it is not there. */
  folder: string;
  /** Beyond this the oldest text output is taken out, with a notice in its place. */
  maxBytes: number;
  /** A segment ends when it is longer. */
  segmentBytes?: number;
}

/** Everything is synchronous: what `append` returns from has been handed to the operating system. */
export interface KernelLog {
  readonly state: KernelState;
  /** The sequence number of the last entry; 0 in an empty log. */
  readonly head: number;
  /** What lies before it is no longer there. */
  readonly first: number;
  /** @returns the entry's sequence number. @throws when the disk does not take it; then nothing of it is there */
  append(entry: Entry, body?: Buffer): number;
  /** The message of the entry with this number. Bodies of requests that are not over are always there. */
  bodyOf(sequence: number): Buffer | undefined;
  /** The entries behind `after`, in order: as many as fit into `maxBytes`, at least one if there is any. */
  read(after: number, maxBytes: number): LogRecord[];
  /** Nobody will read what lies up to here again. */
  forget(upTo: number): void;
  close(): void;
  /** The kernel is gone: removes the folder. */
  remove(): void;
}

/** @throws when the folder cannot be written */
export function openKernelLog(options: KernelLogOptions): KernelLog {
  mkdirSync(options.folder, { recursive: true, mode: 0o700 });
  return new DiskLog(options);
}

class DiskLog implements KernelLog {
  readonly #folder: string;
  readonly #maxBytes: number;
  readonly #segmentBytes: number;
  /** The oldest first; only the last is written. */
  #segments: Segment[];
  #state: KernelState = NEW_KERNEL;
  #head = 0;
  /** Of all but the last. */
  #oldBytes = 0;

  constructor({ folder, maxBytes, segmentBytes = SEGMENT_BYTES }: KernelLogOptions) {
    this.#folder = folder;
    this.#maxBytes = maxBytes;
    this.#segmentBytes = Math.min(segmentBytes, maxBytes / 4);
    this.#segments = openSegments(folder);
    this.#restore();
  }

  get state(): KernelState {
    return this.#state;
  }

  get head(): number {
    return this.#head;
  }

  get first(): number {
    return this.#segments.find(({ left }) => left !== 'needed')?.first ?? 1;
  }

  append(entry: Entry, body?: Buffer): number {
    // Before, not after: what throws leaves nothing of the entry.
    if (this.#current.bytes > this.#segmentBytes) this.#rotate();
    const sequence = this.#head + 1;
    this.#current.append(sequence, JSON.stringify(entry), body);
    this.#head = sequence;
    this.#state = reduce(this.#state, entry, sequence);
    return sequence;
  }

  bodyOf(sequence: number): Buffer | undefined {
    const [record] = this.#segmentOf(sequence)?.read(sequence, 1) ?? [];
    return record?.sequence === sequence ? record.body : undefined;
  }

  read(after: number, maxBytes: number): LogRecord[] {
    for (
      let segment = this.#segmentOf(after + 1);
      segment;
      segment = this.#segments[this.#segments.indexOf(segment) + 1]
    ) {
      const records = segment.read(Math.max(after + 1, segment.first), maxBytes);
      if (records.length > 0) return records.map(toLogRecord);
    }
    return [];
  }

  forget(upTo: number): void {
    const needed = Math.min(...neededBodies(this.#state));
    for (let next = this.#segments[1]; next; next = this.#segments[1]) {
      const isOver = next.first - 1 <= upTo && next.first <= needed;
      if (!isOver) return;
      this.#removeOldest();
    }
  }

  close(): void {
    for (const segment of this.#segments) segment.close();
    this.#segments = [];
  }

  remove(): void {
    this.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #current(): Segment {
    const last = this.#segments.at(-1);
    if (!last) throw new Error('the log is closed');
    return last;
  }

  /** The newest segment that can be read says how the kernel was, and what it holds how it is. */
  #restore(): void {
    let given = 0;
    for (let last = this.#segments.at(-1); last; last = this.#segments.at(-1)) {
      if (this.#readState(last)) break;
      // It was begun and not written; the one before it is whole. What it may have held is not numbered again.
      given = Math.max(given, last.first - 1 + (this.#segments.length > 1 ? 0 : LEAP));
      last.remove();
      this.#segments.pop();
    }
    this.#head = Math.max(this.#head, given);
    if (this.#segments.length === 0) this.#begin();
    this.#oldBytes = this.#segments.slice(0, -1).reduce((sum, { bytes }) => sum + bytes, 0);
  }

  #readState(segment: Segment): boolean {
    let isFirst = true;
    segment.mend(({ sequence, header }) => {
      const content: unknown = JSON.parse(header.toString());
      if (isFirst) this.#state = fromSnapshot((content as { snapshot: Snapshot }).snapshot);
      else if (sequence <= this.#head) throw new RangeError('a number is there twice');
      else this.#state = reduce(this.#state, entrySchema.parse(content), sequence);
      isFirst = false;
      this.#head = sequence;
    });
    return !isFirst;
  }

  #begin(): void {
    const segment = new Segment(this.#folder, this.#head + 1);
    try {
      const snapshot = toSnapshot(this.#state);
      segment.append(this.#head, JSON.stringify({ snapshot }), undefined);
    } catch (error) {
      segment.remove();
      throw error;
    }
    this.#segments.push(segment);
  }

  #rotate(): void {
    const { bytes } = this.#current;
    this.#begin();
    this.#oldBytes += bytes;
    try {
      this.#makeRoom();
    } catch {
      // On a full disk there may be no room to make room in. The next segment tries again.
    }
  }

  /** What is appended has to wait for it, so text is taken out of one segment at a time. */
  #makeRoom(): void {
    const old = () => this.#segments.slice(0, -1);
    const withText = old().find(({ left }) => left === 'all');
    if (withText && this.#oldBytes > this.#maxBytes) {
      withoutText(withText, this.#maxBytes);
      this.#reopen(withText);
    }
    while (this.#oldBytes > 2 * this.#maxBytes) {
      const oldest = old().find(({ left }) => left !== 'needed');
      if (!oldest) return;
      onlyNeeded(oldest, new Set(neededBodies(this.#state)));
      this.#reopen(oldest);
    }
  }

  /** After its file was replaced. */
  #reopen(segment: Segment): void {
    const renewed = new Segment(this.#folder, segment.first);
    segment.close();
    this.#segments[this.#segments.indexOf(segment)] = renewed;
    this.#oldBytes += renewed.bytes - segment.bytes;
  }

  #removeOldest(): void {
    const oldest = this.#segments.shift();
    this.#oldBytes -= oldest?.bytes ?? 0;
    oldest?.remove();
  }

  /** The one that holds this number, or the first behind it. */
  #segmentOf(sequence: number): Segment | undefined {
    const index = this.#segments.findLastIndex(({ first }) => first <= sequence);
    return this.#segments[Math.max(0, index)];
  }
}

function openSegments(folder: string): Segment[] {
  const names = readdirSync(folder);
  for (const name of names.filter((name) => name.endsWith(RENEWED))) {
    rmSync(path.join(folder, name));
  }
  return names
    .flatMap((name) => segmentFirst(name) ?? [])
    .sort((one, other) => one - other)
    .map((first) => new Segment(folder, first));
}

function toLogRecord({ sequence, header, body }: RawRecord): LogRecord {
  const entry = JSON.parse(header.toString()) as Entry;
  return { sequence, entry, body };
}

/** Requests that are not over, and the prompt with its input. Of what was sent and awaits its reply the state knows enough. */
function neededBodies({ lanes, owed, prompt }: KernelState): number[] {
  const inLanes = [...lanes.values()].flatMap(({ running, waiting }) =>
    (running ? [running, ...waiting] : waiting).map(({ sequence }) => sequence),
  );
  const answers = owed.map(({ request }) => request.sequence);
  const ofPrompt = prompt
    ? [prompt.sequence, ...(prompt.input ? [prompt.input.sequence] : [])]
    : [];
  return [...inLanes, ...answers, ...ofPrompt];
}
