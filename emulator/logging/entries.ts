// Cloud Logging's memory: entries in the order of their timestamps, one JSON line each in a file that is only
// appended to. Who writes logs (builds) calls `write`; routes.ts reads them.
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
  severity: z.string(),
  textPayload: z.string(),
  timestamp: z.string(),
  receiveTimestamp: z.string(),
});
export type LogEntry = z.infer<typeof logEntry>;

export type NewEntry = Pick<LogEntry, 'logName' | 'resource' | 'labels' | 'severity'> & {
  textPayload: string;
};

export interface LogEntries {
  /** Oldest first; no two have the same timestamp. */
  readonly all: readonly LogEntry[];
  write(entry: NewEntry): void;
}

/** As long as Google's _Default bucket keeps them. */
const RETENTION_MILLISECONDS = 30 * 86_400_000;

export function openLogEntries(stateDir: string, clock: Clock): LogEntries {
  const file = path.join(stateDir, 'logging', 'entries.jsonl');
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  const oldest = rpcTimestamp(clock.now() - RETENTION_MILLISECONDS);
  const all = read(file).filter(({ timestamp }) => timestamp > oldest);
  writeAtomically(file, all.map(lineOf).join(''));
  const nextTimestamp = timestamps(clock, all.at(-1)?.timestamp ?? '');
  return {
    all,
    write(entry) {
      const timestamp = nextTimestamp();
      const insertId = timestamp.replace(/\D/g, '');
      const complete = { insertId, ...entry, timestamp, receiveTimestamp: timestamp };
      all.push(complete);
      appendFileSync(file, lineOf(complete), { mode: 0o600 });
    },
  };
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

function lineOf(entry: LogEntry): string {
  return `${JSON.stringify(entry)}\n`;
}
