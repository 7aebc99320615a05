// The real client program as a user runs it: its own process, its own state folder, JSON lines on standard output.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import type { ReadyEvent } from '../../client/session/start-words.ts';
import { compiledCode } from './compiled-code.ts';
import { until } from './until.ts';

export type ClientEvent = {
  event: string;
  stage?: string;
  state?: string;
  message?: string;
} & Record<string, unknown>;

export interface RunningClient {
  process: ChildProcess;
  events: ClientEvent[];
  stderr(): string;
  /** The first event that `accepts`; fails at once when the client ends without it. */
  event(
    what: string,
    accepts: (event: ClientEvent) => boolean,
    seconds?: number,
  ): Promise<ClientEvent>;
  ready(seconds?: number): Promise<ReadyEvent>;
  /** Sends a signal. */
  signal(name: NodeJS.Signals): void;
  /** Exit code, or the signal that ended it. */
  ended: Promise<number | string>;
}

export const PROGRAM = path.join(import.meta.dirname, '../../client/datalab-client.js');

const EVENT_SECONDS = 90;

/** Settings of the functions of an emulator that it starts. */
const FUNCTIONS = Object.fromEntries(
  Object.entries(compiledCode()).map(([name, value]) => [`DATALAB_FUNCTIONS_${name}`, value]),
);

export function runClient(
  t: Pick<TestContext, 'after'>,
  stateDir: string,
  args: readonly string[],
  env: Record<string, string> = {},
  program = PROGRAM,
  person: { uid?: number; gid?: number } = {},
): RunningClient {
  const child = spawn(process.execPath, [program, ...args], {
    ...person,
    env: { ...process.env, ...FUNCTIONS, DATALAB_STATE_DIR: stateDir, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const events: ClientEvent[] = [];
  let stderr = '';
  createInterface({ input: child.stdout }).on('line', (line) => {
    events.push(line.startsWith('{') ? (JSON.parse(line) as ClientEvent) : { event: 'text', line });
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string);
  let isOver = false;
  void ended.then(() => (isOver = true));
  t.after(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const event = (what: string, accepts: (event: ClientEvent) => boolean, seconds = EVENT_SECONDS) =>
    until(
      what,
      () => {
        const found = events.find(accepts);
        if (found || !isOver) return found;
        throw new Error(
          `the client ended before ${what}: ${JSON.stringify(events.at(-1))} ${stderr}`,
        );
      },
      seconds,
    );
  return {
    process: child,
    events,
    stderr: () => stderr,
    event,
    ready: async (seconds) =>
      (await event(
        'ready',
        (candidate) => candidate.event === 'ready',
        seconds,
      )) as unknown as ReadyEvent,
    signal: (name) => child.kill(name),
    ended,
  };
}

/** Processes that have anything to do with the folder: in their command line or their environment. */
export function processesOf(folder: string): string[] {
  return readdirSync('/proc')
    .filter((pid) => /^[0-9]+$/.test(pid) && Number(pid) !== process.pid)
    .filter(
      (pid) =>
        readable(`/proc/${pid}/cmdline`).includes(folder) ||
        readable(`/proc/${pid}/environ`).includes(folder),
    )
    .map((pid) => `${pid} ${readable(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')}`);
}

export async function untilNoProcess(folder: string, seconds = 20): Promise<void> {
  await until('no process is left', () => processesOf(folder).length === 0, seconds).catch(() => {
    throw new Error(`processes are left:\n${processesOf(folder).join('\n')}`);
  });
}

function readable(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}
