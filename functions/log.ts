// One JSON object a line, as Cloud Logging reads them from standard output. Never a token, a key or a body.

export interface Log {
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** With the stack trace: only bugs come here. */
  bug(error: unknown, fields?: Readonly<Record<string, unknown>>): void;
}

export function createLog(write: (line: string) => void): Log {
  const entry = (severity: string, message: string, fields: Readonly<Record<string, unknown>>) => {
    write(`${JSON.stringify({ severity, message, ...fields })}\n`);
  };
  return {
    warn: (message, fields = {}) => {
      entry('WARNING', message, fields);
    },
    bug: (error, fields = {}) => {
      const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
      entry('ERROR', message, fields);
    },
  };
}
