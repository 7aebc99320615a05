// Runs the program `docker` of PATH, which knows contexts, DOCKER_HOST and its own configuration (Podman's stand-in is one,
// too), and says in a person's words what is wrong with it. Everything of this folder goes through here.
import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { createInterface } from 'node:readline';
import { lastLines } from '../output/last-lines.ts';

export interface DockerResult {
  /** 127 if there is no such program, 124 if it took too long. */
  code: number;
  stdout: string;
  stderr: string;
}

export interface DockerOptions {
  environment: NodeJS.ProcessEnv;
  limitMilliseconds?: number;
  signal?: AbortSignal | undefined;
  /** Gets what it prints, on both outputs, as it comes. */
  onLine?: (line: string) => void;
}

const LIMIT_MILLISECONDS = 30_000;
/** From asking it to end to ending it: a build is to be taken back by the engine. */
const PATIENCE_MILLISECONDS = 5_000;
/** Of a build's output only the end is of interest, of anything else all that there is. */
const KEPT_CHARACTERS = 1_000_000;

/** Never throws: an ended one has a code, also when the signal has ended it. */
export async function runDocker(
  args: readonly string[],
  options: DockerOptions,
): Promise<DockerResult> {
  const child = spawnDocker(args, options.environment, ['ignore', 'pipe', 'pipe']);
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    const stream = child[name];
    if (!stream) continue;
    stream.setEncoding('utf8').on('data', (text: string) => {
      output[name] = (output[name] + text).slice(-KEPT_CHARACTERS);
    });
    const { onLine } = options;
    if (onLine) createInterface({ input: stream }).on('line', onLine);
  }
  const late = new AbortController();
  const end = () => {
    child.kill('SIGINT');
    setTimeout(() => child.kill('SIGKILL'), PATIENCE_MILLISECONDS).unref();
  };
  const limit = setTimeout(() => {
    late.abort();
    end();
  }, options.limitMilliseconds ?? LIMIT_MILLISECONDS);
  options.signal?.addEventListener('abort', end);
  if (options.signal?.aborted) end();
  const code = await codeOf(child);
  clearTimeout(limit);
  options.signal?.removeEventListener('abort', end);
  return { code: late.signal.aborted ? 124 : code, ...output };
}

/** In a session of its own: Ctrl-C on the terminal is for the client, which ends this in its own order. */
export function spawnDocker(
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  stdio: StdioOptions,
): ChildProcess {
  // BuildKit draws otherwise, and Docker's advertisements are no progress.
  const env = { ...environment, BUILDKIT_PROGRESS: 'plain', DOCKER_CLI_HINTS: 'false' };
  return spawn('docker', args, { env, stdio, detached: true, windowsHide: true });
}

/** Of a call that failed. @returns what is wrong, and what to do about it where that is known */
export function problemOf({ code, stderr }: Pick<DockerResult, 'code' | 'stderr'>): string {
  if (code === 127) return 'there is no program `docker` on PATH';
  if (code === 124) return 'it does not answer in time';
  if (/permission denied/i.test(stderr)) {
    return 'you may not use it (as root: usermod -aG docker YOU, then sign in again)';
  }
  if (isEngineGone({ code, stderr })) {
    return 'it does not run (systemctl start docker, or start Docker Desktop)';
  }
  return lastLines(stderr, 2) || `docker ended with ${code}`;
}

/** Rather than that the engine has refused something. */
export function isEngineGone({ code, stderr }: Pick<DockerResult, 'code' | 'stderr'>): boolean {
  const words = /cannot connect|connection refused|is the docker daemon running/i;
  return code === 124 || code === 127 || (code !== 0 && words.test(stderr));
}

/** @returns once its outputs are closed, too */
export function codeOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    child.once('error', () => {
      resolve(127);
    });
    child.once('close', (code) => {
      resolve(code ?? 137);
    });
  });
}
