// Cloud Logging's memory: entries by their timestamps, one JSON line each in a file that is only appended to. Who has
// something to log (builds, containers of instances, entries.write) calls `write`; routes.ts reads them.
import { appendFileSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { rpcTimestamp, type Clock } from '../clock.ts';
import { writeAtomically } from '../state.ts';

const logEntry = z.object({
  insertId: z.string(),
  logName: z.string(),
  resource: z.object({ type: z.string(), labels: z.record(z.string(), z.string()) }),
  labels: z.record(z.string(), z.string()).optional(),
  /** Absent, as Google has it, for DEFAULT. */
  severity: z.string().optional(),
  /** One of the two. */
  textPayload: z.string().optional(),
  jsonPayload: z.record(z.string(), z.unknown()).optional(),
  timestamp: z.string(),
  receiveTimestamp: z.string(),
});
export type LogEntry = z.infer<typeof logEntry>;

export type NewEntry = Omit<LogEntry, 'insertId' | 'timestamp' | 'receiveTimestamp'> & {
  insertId?: string | undefined;
  /** In the form of `rpcTimestamp`; default: now. */
  timestamp?: string | undefined;
};

export interface LogEntries {
  /** In Google's order: by timestamp, then by insertId. */
  readonly all: readonly LogEntry[];
  write(...entries: NewEntry[]): void;
}

/** As long as Google's _Default bucket keeps them. */
const RETENTION_MILLISECONDS = 30 * 86_400_000;
/** What prints without end must not fill the machine: above either bound the oldest go, until a fifth is free. */
const BOUNDS = { entries: 50_000, characters: 64_000_000 };

export function openLogEntries(stateDir: string, clock: Clock, bounds = BOUNDS): LogEntries {
  const file = path.join(stateDir, 'logging', 'entries.jsonl');
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  const oldest = rpcTimestamp(clock.now() - RETENTION_MILLISECONDS);
  const all = read(file).filter(({ timestamp }) => timestamp > oldest);
  const received = all.map(({ receiveTimestamp }) => receiveTimestamp).sort();
  const nextTimestamp = timestamps(clock, received.at(-1) ?? '');
  all.sort((a, b) => (orderKey(a) < orderKey(b) ? -1 : 1));
  let characters = sizeOf(all.map(lineOf));
  const shorten = () => {
    while (all.length > bounds.entries * 0.8 || characters > bounds.characters * 0.8) {
      // The oldest tenth, since taking the first of many is slow.
      const gone = all.splice(0, Math.ceil(all.length / 10));
      characters -= sizeOf(gone.map(lineOf));
    }
  };
  const keep = () => {
    writeAtomically(file, all.map(lineOf).join(''));
  };
  keep();
  return {
    all,
    write(...entries) {
      const lines = entries.map((entry) => {
        const receiveTimestamp = nextTimestamp();
        const { insertId = receiveTimestamp.replace(/\D/g, ''), timestamp = receiveTimestamp } =
          entry;
        const complete = { ...entry, insertId, timestamp, receiveTimestamp };
        insert(all, complete);
        return lineOf(complete);
      });
      appendFileSync(file, lines.join(''), { mode: 0o600 });
      characters += sizeOf(lines);
      if (all.length <= bounds.entries && characters <= bounds.characters) return;
      shorten();
      keep();
    },
  };
}

/** What entries are ordered by. */
export function orderKey({ timestamp, insertId }: LogEntry): string {
  return `${timestamp} ${insertId}`;
}

/** Nearly always at the end. */
function insert(all: LogEntry[], entry: LogEntry): void {
  const key = orderKey(entry);
  const before = all.findLastIndex((other) => orderKey(other) <= key);
  all.splice(before + 1, 0, entry);
}

/** Each a microsecond later than the one before at least, whatever the clock does. */
function timestamps(clock: Clock, last: string): () => string {
  let previous = last === '' ? 0 : microsecondsOf(last);
  return () => {
    previous = Math.max(clock.now() * 1000, previous + 1);
    return rpcTimestamp(Math.floor(previous / 1000), (previous % 1000) * 1000);
  };
}

function microsecondsOf(timestamp: string): number {
  return Date.parse(timestamp) * 1000 + Number(timestamp.slice(-7, -4));
}

/** What kill -9 left half written at the end is no entry. */
function read(file: string): LogEntry[] {
  let content = '';
  try {
    content = readFileSync(file, 'utf8');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
  const complete = content.slice(0, content.lastIndexOf('\n') + 1);
  const lines = complete.split('\n').filter((line) => line !== '');
  return lines.map((line) => logEntry.parse(JSON.parse(line)));
}

function sizeOf(lines: readonly string[]): number {
  return lines.reduce((sum, line) => sum + line.length, 0);
}

function lineOf(entry: LogEntry): string {
  return `${JSON.stringify(entry)}\n`;
}
