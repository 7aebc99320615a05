// Runs one command of a build as processes of this machine, on a leash: it ends with the emulator, however that
// ends, and with everything that it started.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { findConfinement, type Confinement } from '../runtime/confinement.ts';
import { LEASH } from '../runtime/script-runtime.ts';
import { findLeashed, isAlive, LEASH_VARIABLE, signalUntil } from '../runtime/processes.ts';

export interface StepCommand {
  /** Program and arguments. */
  words: readonly string[];
  cwd: string;
  env: Readonly<Record<string, string>>;
  /** Tells its processes from others'. */
  leash: string;
  /** Called for each line of standard output and standard error. */
  onLine: (line: string) => void;
  /** Ends the command. */
  signal: AbortSignal;
}

const KILL_SECONDS = 10;
/** Tells the command's own exit status, which the leash would tell a second later, on a channel of its own. */
const TELL_STATUS = '"$@" 3>&-; echo "$?" >&3';

let confinement: Confinement | undefined;

/** The exit status; undefined when it was ended before it had one. */
export async function runStep(command: StepCommand): Promise<number | undefined> {
  const { words, cwd, env, leash, onLine, signal } = command;
  confinement ??= findConfinement();
  const [file = '', ...args] = [
    ...confinement.prefix,
    ...['/bin/bash', LEASH, '/bin/bash', '-c', TELL_STATUS, 'step', ...words],
  ];
  const child = spawn(file, args, {
    cwd,
    env: { ...env, [LEASH_VARIABLE]: leash },
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    // Out of the terminal's foreground group: Ctrl-C is the emulator's to hear.
    detached: true,
  });
  child.stdin.on('error', () => undefined); // It ended before we did.
  const ended = once(child, 'exit');
  const lines = [child.stdout, child.stderr].map((stream) => forward(stream, onLine));
  const stop = () => {
    child.stdin.destroy();
  };
  signal.addEventListener('abort', stop);
  if (signal.aborted) stop();
  const status = await statusOf(child);
  stop();
  signal.removeEventListener('abort', stop);
  await ended;
  // Without a namespace, a leash that was killed leaves its processes to us.
  const find = () => findLeashed((other) => other === leash);
  await signalUntil(find, 'SIGKILL', (pid) => !isAlive(pid), KILL_SECONDS);
  await Promise.all(lines);
  return signal.aborted ? undefined : status;
}

/** The first line of the channel; its end comes later, since the leash holds it too. */
async function statusOf(child: ChildProcess): Promise<number | undefined> {
  for await (const line of createInterface({ input: child.stdio[3] as Readable })) {
    return Number(line);
  }
  return undefined;
}

async function forward(stream: Readable, onLine: (line: string) => void): Promise<void> {
  const lines = createInterface({ input: stream, crlfDelay: Infinity });
  lines.on('line', onLine);
  await once(lines, 'close');
}
