// What the agent tells its operator: one JSON object a line on stderr, where the instance's journal picks it up.
// Callers name the fields themselves, so that no token or header gets in by passing an object along.
import type { Clock } from './clock.ts';

export type LogFields = Record<string, string | number | boolean | undefined>;

export interface Log {
  info(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
}

export function createLog(clock: Pick<Clock, 'now'>, write: (line: string) => void): Log {
  const entry = (severity: string, event: string, fields: LogFields = {}) => {
    const time = new Date(clock.now()).toISOString();
    write(`${JSON.stringify({ time, severity, event, ...fields })}\n`);
  };
  return {
    info: (event, fields) => {
      entry('INFO', event, fields);
    },
    error: (event, fields) => {
      entry('ERROR', event, fields);
    },
  };
}

/** The words of an error for a log line: the innermost reason as well, since undici wraps it. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : '';
  return `${error.message}${cause}`;
}
