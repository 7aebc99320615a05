// A program as a process of its own, so that it can be stopped, killed and started again where it was.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { until } from './until.ts';

export interface Program {
  /** The last lines of what it wrote, over all its lives. */
  readonly lines: readonly string[];
  readonly processId: number | undefined;
  /** Resolves when it is ready. */
  start(): Promise<void>;
  /** Resolves when it has ended. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
}

export interface ProgramOptions {
  name: string;
  command: readonly [string, ...string[]];
  /** Where it runs. */
  folder?: string;
  environment: Record<string, string>;
  /** @param lines what it has written in this life */
  isReady: (lines: readonly string[]) => boolean | Promise<boolean>;
}

const KEPT_LINES = 400;
const START_SECONDS = 90;

export function programOf(options: ProgramOptions): Program {
  const { name, command, folder, environment, isReady } = options;
  const [file, ...args] = command;
  const lines: string[] = [];
  let child: ChildProcess | undefined;
  const start = async () => {
    const said: string[] = [];
    const started = spawn(file, args, {
      cwd: folder,
      env: { PATH: process.env['PATH'], ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child = started;
    for (const output of [started.stdout, started.stderr]) {
      createInterface({ input: output }).on('line', (line) => {
        for (const kept of [lines, said]) {
          kept.push(line);
          if (kept.length > KEPT_LINES) kept.shift();
        }
      });
    }
    const isThere = () => {
      if (started.exitCode !== null)
        throw new Error(`${name} ended: ${lines.slice(-10).join('\n')}`);
      return isReady(said);
    };
    await until(`${name} is ready`, isThere, START_SECONDS);
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
