// Runs a short program to its end and keeps what it printed. jupyter-programs.ts and apt.ts ask their questions so.
import { execFile } from 'node:child_process';

export interface ProgramResult {
  /** 127 if it could not be started, 124 if it took too long, as shells have it. */
  code: number;
  stdout: string;
}

const LIMIT_MILLISECONDS = 30_000;

export function runProgram(
  file: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  signal?: AbortSignal,
): Promise<ProgramResult> {
  const options = {
    env: environment,
    timeout: LIMIT_MILLISECONDS,
    killSignal: 'SIGKILL' as const,
    ...(signal && { signal }),
  };
  return new Promise((resolve) => {
    execFile(file, args, options, (error, stdout) => {
      resolve({ code: codeOf(error), stdout });
    });
  });
}

function codeOf(error: Error | null): number {
  if (!error) return 0;
  if ('killed' in error && error.killed) return 124;
  return 'code' in error && typeof error.code === 'number' ? error.code : 127;
}
