// Runs a program of this machine and returns what it prints. One that is given up has ended when this says so: what it was
// doing, it does no more.
import { execFile, type ChildProcess, type ExecFileOptions } from 'node:child_process';
import { once } from 'node:events';

/** What one may take that was asked to end. */
const PATIENCE_MILLISECONDS = 2000;

/** Why it failed, with what it said. `isLate`: it was ended after `timeout`. */
export class ProgramError extends Error {
  override name = 'ProgramError';
  readonly stderr: string;
  readonly isLate: boolean;

  constructor(cause: Error & { killed?: boolean | undefined }, stderr: string) {
    super(cause.message, { cause });
    this.stderr = stderr;
    this.isLate = cause.killed === true;
  }
}

/**
 * @returns its standard output
 * @throws ProgramError, or the signal's reason
 */
export function runToEnd(
  program: string,
  args: readonly string[],
  options: Omit<ExecFileOptions, 'encoding'>,
): Promise<string> {
  const { signal } = options;
  return new Promise((resolve, reject) => {
    const child = execFile(program, [...args], options, (error, stdout, stderr) => {
      if (!error) resolve(stdout);
      else if (!signal?.aborted) reject(new ProgramError(error, stderr));
      // Node.js says so before the program has ended.
      else
        void untilEnded(child).then(() => {
          reject(reasonOf(signal));
        });
    });
  });
}

async function untilEnded(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const limit = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MILLISECONDS);
  await once(child, 'exit');
  clearTimeout(limit);
}

function reasonOf({ reason }: AbortSignal): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
