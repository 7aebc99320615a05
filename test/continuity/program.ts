// A program of ours as a process of its own, so that it can be stopped, killed and started again where it was.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { until } from '../helpers/until.ts';

export interface Program {
  /** The last lines of what it wrote, over all its lives. */
  readonly lines: readonly string[];
  readonly processId: number | undefined;
  /** Resolves when it has written a line that `isReady` knows. */
  start(): Promise<void>;
  /** Resolves when it has ended. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
}

export interface ProgramOptions {
  name: string;
  file: string;
  environment: Record<string, string>;
  isReady: (line: string) => boolean;
}

const KEPT_LINES = 400;

export function programOf({ name, file, environment, isReady }: ProgramOptions): Program {
  const lines: string[] = [];
  let child: ChildProcess | undefined;
  const start = async () => {
    let readyAt = false;
    const started = spawn(process.execPath, [file], {
      env: { PATH: process.env['PATH'], ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child = started;
    for (const output of [started.stdout, started.stderr]) {
      createInterface({ input: output }).on('line', (line) => {
        lines.push(line);
        if (lines.length > KEPT_LINES) lines.shift();
        readyAt ||= isReady(line);
      });
    }
    await until(`${name} is ready`, () => {
      if (started.exitCode !== null)
        throw new Error(`${name} ended: ${lines.slice(-5).join('\n')}`);
      return readyAt;
    });
  };
  return {
    lines,
    get processId() {
      return child?.pid;
    },
    start,
    end: async (signal) => {
      const ending = child;
      child = undefined;
      if (!ending || ending.exitCode !== null || ending.signalCode !== null) return;
      const exited = once(ending, 'exit');
      ending.kill(signal);
      await exited;
    },
  };
}
