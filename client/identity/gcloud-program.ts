// Runs gcloud for a token, bounded, with nobody to ask. gcloud.ts says which and explains what it said.
import { accessSync, constants } from 'node:fs';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { Interrupted } from '../errors.ts';
import type { Io } from '../io.ts';

export interface GcloudSurroundings {
  env: Io['env'];
  interrupt: AbortSignal;
  limitMilliseconds?: number;
}

/** gcloud failed: the message is the line that says why, a sentence; never a token. */
export class GcloudFailure extends Error {
  override readonly name = 'GcloudFailure';
  /** All that it said, to know what kind of failure it is; not for people. */
  readonly output: string;

  constructor(message: string, output = '') {
    super(message);
    this.output = output;
  }
}

/** Its folder may be on a slow disk, and Google far away. */
const LIMIT_MILLISECONDS = 30_000;
const MAX_OUTPUT = 65_536;

export function isGcloudThere(env: Io['env']): boolean {
  const folders = (env['PATH'] ?? '').split(path.delimiter).filter((folder) => folder !== '');
  return folders.some((folder) => isExecutable(path.join(folder, 'gcloud')));
}

/**
 * What it printed, a token.
 * @throws GcloudFailure; Interrupted
 */
export async function runGcloud(
  args: readonly string[],
  { env, interrupt, limitMilliseconds = LIMIT_MILLISECONDS }: GcloudSurroundings,
): Promise<string> {
  if (interrupt.aborted) throw new Interrupted();
  const child = spawn('gcloud', args, {
    env: { ...env, CLOUDSDK_CORE_DISABLE_PROMPTS: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    // In a group of its own: some installations have a script in front of it, which must not outlive us either.
    detached: true,
  });
  const late = AbortSignal.timeout(limitMilliseconds);
  const end = AbortSignal.any([interrupt, late]);
  const kill = () => {
    killGroup(child);
  };
  end.addEventListener('abort', kill);
  try {
    return tokenIn(await collect(child));
  } catch (error) {
    if (wasInterrupted(child, interrupt)) throw new Interrupted();
    if (!late.aborted) throw error;
    throw new GcloudFailure(`it did not answer within ${limitMilliseconds / 1000} s.`);
  } finally {
    end.removeEventListener('abort', kill);
  }
}

interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

function tokenIn({ code, stdout, stderr }: Outcome): string {
  if (code !== 0) throw new GcloudFailure(reasonIn(stderr), stderr);
  const token = stdout.trim();
  if (/^\S+$/.test(token)) return token;
  throw new GcloudFailure('what it printed is not a token.');
}

/** Somebody may have told it alone. */
function wasInterrupted(child: ChildProcess, interrupt: AbortSignal): boolean {
  return interrupt.aborted || child.signalCode === 'SIGINT';
}

/** Nobody waits for what it may have left behind either: that could hold the pipes open. */
function killGroup(child: ChildProcess): void {
  try {
    // It could not be run, and has no id.
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
  child.stdout?.destroy();
  child.stderr?.destroy();
}

async function collect(child: ChildProcess): Promise<Outcome> {
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (chunk: string) => {
      said[name] = (said[name] + chunk).slice(0, MAX_OUTPUT);
    });
  }
  try {
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, ...said };
  } catch (error) {
    throw new GcloudFailure(`it cannot be run (${error instanceof Error ? error.message : ''}).`);
  }
}

/** The first line that says what is wrong, as a sentence. */
function reasonIn(stderr: string): string {
  const lines = stderr.split('\n').map((line) => line.trim());
  const line = lines.find((each) => each.startsWith('ERROR:')) ?? lines.find((each) => each !== '');
  const text = (line ?? 'it did not say why').replace(/^ERROR: (\([\w.-]+\) )?/, '');
  // Google's answer in full follows its first words.
  const short = text.replace(/\('(.*?)', \{.*\}\)/, '$1').slice(0, 300);
  return withoutTokens(short).replace(/[.:]?$/, '.');
}

function withoutTokens(text: string): string {
  return text.replaceAll(/\b(ya29\.|eyJ|1\/\/)[\w./~+-]*/g, '[token]');
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
