// What a run of the client has of the outside world. bin.ts builds the real one; tests give their own.
import type { Readable, Writable } from 'node:stream';

export interface Io {
  /** A person's keyboard; undefined where nobody can be asked. */
  stdin?: Readable | undefined;
  /** Aborts at the end of standard input: a pipe whose other end its holder keeps open while it lives. */
  readonly inputEnd: AbortSignal;
  stdout: Writable;
  stderr: Writable;
  /** Whether stderr is a terminal, where progress is drawn in place. */
  isTerminal: boolean;
  /** Width of the terminal, as it is now. */
  readonly columns?: number | undefined;
  /** Width of the terminal that stdout is; undefined where it is a file or a pipe. */
  readonly outputColumns?: number | undefined;
  /** The wall clock: milliseconds since the epoch. */
  now: () => number;
  env: Readonly<Record<string, string | undefined>>;
  cwd: string;
  /** Milliseconds on a clock that only goes forward. */
  elapsed: () => number;
  /** Aborts at the first SIGINT or SIGTERM; bin.ts exits at the second. */
  interrupt: AbortSignal;
}
