// Debian's package tools: which packages can be had, and apt-get run so that nothing we do leaves a package half
// installed. install.ts decides what to install.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import type { Clock } from '../clock.ts';
import { runProgram } from './run-program.ts';
import { lastLines } from '../output/last-lines.ts';

export interface AptOptions {
  environment: NodeJS.ProcessEnv;
  /** Empty for root, else `['sudo', '-n']`. */
  prefix: readonly string[];
  /** apt-get writes here, so that it goes on if we die. */
  logFile: string;
  clock: Clock;
  onProgress: (line: string) => void;
  signal: AbortSignal | undefined;
}

export interface AptResult {
  code: number;
  output: string;
}

const PROGRESS_MILLISECONDS = 250;

/** Another apt-get (unattended upgrades, say) may hold the lock for a while. */
const LOCK_OPTION = ['-o', 'DPkg::Lock::Timeout=120'];

/** @returns which of the packages apt could install, by the package lists that are here */
export async function availablePackages(
  packages: readonly string[],
  environment: NodeJS.ProcessEnv,
): Promise<Set<string>> {
  const { stdout } = await runProgram('apt-cache', ['policy', ...packages], {
    ...environment,
    LC_ALL: 'C.UTF-8',
  });
  const available = new Set<string>();
  for (const [, name, candidate] of stdout.matchAll(/^(\S+):\n(?: .*\n)*? +Candidate: (.+)$/gm)) {
    if (name !== undefined && candidate !== '(none)') available.add(name);
  }
  return available;
}

export function updateArguments(): string[] {
  return ['update', ...LOCK_OPTION];
}

export function installArguments(packages: readonly string[]): string[] {
  return ['install', '--no-install-recommends', '--yes', ...LOCK_OPTION, ...packages];
}

/** @throws the signal's reason, once apt-get has ended */
export async function runAptGet(args: readonly string[], options: AptOptions): Promise<AptResult> {
  options.signal?.throwIfAborted();
  const log = await open(options.logFile, 'w', 0o600);
  // `env`, since sudo drops the environment. In a session of its own, so that Ctrl-C on the terminal reaches only us.
  const [file, ...rest] = [...options.prefix, 'env', 'DEBIAN_FRONTEND=noninteractive'];
  const child = spawn(file, [...rest, 'apt-get', ...args], {
    env: options.environment,
    stdio: ['ignore', log.fd, log.fd],
    detached: true,
  });
  const ended = endOf(child);
  const stopWatching = watch(options);
  const onAbort = () => {
    interrupt(child, options);
  };
  options.signal?.addEventListener('abort', onAbort);
  try {
    const code = await ended;
    const output = await readFile(options.logFile, 'utf8');
    options.signal?.throwIfAborted();
    return { code, output };
  } finally {
    options.signal?.removeEventListener('abort', onAbort);
    stopWatching();
    await log.close();
  }
}

/**
 * To apt-get alone and not to its group: it ends at once while it downloads, and finishes the dpkg that is running
 * otherwise (apt-pkg/deb/dpkgpm.cc takes SIGINT while dpkg runs and stops after it).
 */
function interrupt(child: ChildProcess, options: AptOptions): void {
  options.onProgress('waiting for apt-get to finish what it has begun');
  if (child.pid === undefined) return;
  try {
    process.kill(child.pid, 'SIGINT');
  } catch {
    // sudo belongs to root; what root sends it, it hands on to apt-get.
    const [file, ...rest] = [...options.prefix, 'kill', '-INT', String(child.pid)];
    spawn(file, rest, { env: options.environment, stdio: 'ignore' }).on('error', () => undefined);
  }
}

function endOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    child.once('error', () => {
      resolve(127);
    });
    child.once('exit', (code) => {
      resolve(code ?? 130);
    });
  });
}

/** Tells the last line of the log whenever it is another one. */
function watch({ logFile, clock, onProgress }: AptOptions): () => void {
  let last = '';
  let isOver = false;
  let cancel = clock.after(PROGRESS_MILLISECONDS, look);
  return () => {
    isOver = true;
    cancel();
  };

  function look(): void {
    void readFile(logFile, 'utf8')
      .catch(() => '')
      .then((output) => {
        if (isOver) return;
        const line = lastLines(output, 1);
        if (line !== '' && line !== last) onProgress((last = line));
        cancel = clock.after(PROGRESS_MILLISECONDS, look);
      });
  }
}
