// Starts the UI server, the plain Jupyter server on the user's machine, on a Unix socket for the relay, and ends it with
// all its terminals: when told, and through leash.sh also when this process dies.
import { spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, open, readFile } from 'node:fs/promises';
import { request } from 'node:http';
import path from 'node:path';
import type { Clock } from '../clock.ts';
import { ClientError } from '../errors.ts';
import { CLIENT } from '../installed.ts';
import type { UiProgram } from './jupyter-programs.ts';
import type { UiSettings } from './ui-arguments.ts';
import { startPathOf, uiArguments, uiEnvironment } from './ui-arguments.ts';
import { lastLines } from '../output/last-lines.ts';
import { newUiLog } from './ui-logs.ts';

export interface UiServerOptions {
  program: UiProgram;
  contentDir: string;
  stateDir: string;
  environment: NodeJS.ProcessEnv;
  isRoot: boolean;
  clock: Clock;
  signal?: AbortSignal;
}

export interface UiServerEnd {
  code: number;
  /** The end of its log. */
  lastLines: string;
}

export interface UiServer {
  socketPath: string;
  /** The page to open first. */
  startPath: string;
  version: string;
  logFile: string;
  /** Settles when the server and everything it started are gone. */
  ended: Promise<UiServerEnd>;
  stop(): Promise<void>;
}

export class UiServerError extends ClientError {
  override readonly name = 'UiServerError';
}

const LEASH = path.join(CLIENT, 'jupyter/leash.sh');

/** A first start of JupyterLab on a slow disk takes half a minute. */
const START_MILLISECONDS = 90_000;
const POLL_MILLISECONDS = 100;
const PROBE_MILLISECONDS = 2_000;
/** `sun_path` holds 108 bytes; names of temporary folders can be long on some systems. */
const MAX_SOCKET_PATH_BYTES = 100;

/**
 * @returns when the server answers
 * @throws UiServerError if it ends or does not answer in time; the signal's reason if that comes first
 */
export async function startUiServer(options: UiServerOptions): Promise<UiServer> {
  options.signal?.throwIfAborted();
  const logFile = newUiLog(options.stateDir, process.pid);
  const socketFolder = await makeSocketFolder(options);
  const settings = { ...options, socketPath: path.join(socketFolder, 'ui') };
  const leashed = await startOnLeash(settings, socketFolder, logFile);
  const server: UiServer = {
    socketPath: settings.socketPath,
    startPath: startPathOf(options.program),
    version: options.program.version,
    logFile,
    ...leashed,
  };
  try {
    await answers(server, options, logFile);
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

async function makeSocketFolder({ environment }: UiServerOptions): Promise<string> {
  const wanted = environment['TMPDIR'] ?? '/tmp';
  const length = Buffer.byteLength(path.join(wanted, 'datalab-XXXXXX', 'ui'));
  const parent = length > MAX_SOCKET_PATH_BYTES ? '/tmp' : wanted;
  // mkdtemp makes it for its owner alone (0700).
  return mkdtemp(path.join(parent, 'datalab-'));
}

async function startOnLeash(
  settings: UiSettings & Pick<UiServerOptions, 'environment'>,
  socketFolder: string,
  logFile: string,
): Promise<Pick<UiServer, 'ended' | 'stop'>> {
  await mkdir(path.join(settings.stateDir, 'jupyter'), { recursive: true, mode: 0o700 });
  const log = await open(logFile, 'w', 0o600);
  await chmod(logFile, 0o600);
  const args = [LEASH, socketFolder, settings.program.path, ...uiArguments(settings)];
  const leash = spawn('bash', args, {
    cwd: settings.contentDir,
    env: uiEnvironment(settings.environment, settings),
    stdio: ['pipe', log.fd, log.fd],
    // In a session of its own: Ctrl-C on the terminal is for the client, which ends this in its own order.
    detached: true,
  });
  // Writing nothing, it can fail only because the leash has ended, which `ended` tells.
  leash.stdin?.on('error', () => undefined);
  const ended = new Promise<number>((resolve) => {
    leash.once('error', () => {
      resolve(127);
    });
    leash.once('exit', (code) => {
      resolve(code ?? 137);
    });
  }).then(async (code) => ({ code, lastLines: await logTail(logFile) }));
  await log.close();
  return {
    ended,
    stop: async () => {
      leash.stdin?.end();
      await ended;
    },
  };
}

async function answers(server: UiServer, options: UiServerOptions, logFile: string): Promise<void> {
  const { clock, signal } = options;
  const limit = new AbortController();
  const cancelLimit = clock.after(START_MILLISECONDS, () => {
    limit.abort();
  });
  const ends: UiServerEnd[] = [];
  void server.ended.then((end) => ends.push(end));
  try {
    while (!(await isAnswering(server.socketPath))) {
      signal?.throwIfAborted();
      const [end] = ends;
      if (end) throw didNotStart(options.program, `ended with ${end.code}`, end.lastLines);
      if (limit.signal.aborted) {
        throw didNotStart(options.program, 'does not answer', await logTail(logFile));
      }
      await new Promise<void>((resolve) => clock.after(POLL_MILLISECONDS, resolve));
    }
  } finally {
    cancelLimit();
  }
}

function isAnswering(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = request({ socketPath, path: '/api', timeout: PROBE_MILLISECONDS });
    probe.on('timeout', () => {
      probe.destroy();
    });
    probe.on('response', (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    probe.on('error', () => {
      resolve(false);
    });
    probe.end();
  });
}

async function logTail(logFile: string): Promise<string> {
  return lastLines(await readFile(logFile, 'utf8').catch(() => ''), 15);
}

function didNotStart(program: UiProgram, what: string, log: string): UiServerError {
  return new UiServerError(
    `The UI server (${program.path}) ${what}. Start without it with --ui none. The end of its log:\n${log}`,
  );
}
