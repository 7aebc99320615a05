// Starts the UI server, the plain Jupyter server on the user's machine, on a Unix socket for the relay, and ends it with
// all its terminals: when told, and through leash.sh also when this process dies.
import { spawn } from 'node:child_process';
import { mkdir, open } from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from '../clock.ts';
import { CLIENT } from '../installed.ts';
import type { UiProgram } from './jupyter-programs.ts';
import { makeRunFolder } from './run-folder.ts';
import { logTail, untilAnswering, type UiServer } from './ui-answers.ts';
import type { UiSettings } from './ui-arguments.ts';
import { startPathOf, uiArguments, uiEnvironment } from './ui-arguments.ts';
import { newUiLog } from './ui-logs.ts';

export interface UiServerOptions {
  program: UiProgram;
  contentDir: string;
  stateDir: string;
  environment: NodeJS.ProcessEnv;
  isRoot: boolean;
  /** Absent: a new one. */
  logFile?: string;
  clock: Clock;
  signal?: AbortSignal;
}

/** One that is a process of this machine. */
export interface UiProcess extends UiServer {
  address: { socketPath: string };
  socketPath: string;
  version: string;
}

const LEASH = path.join(CLIENT, 'jupyter/leash.sh');

/**
 * @returns when the server answers
 * @throws UiServerError if it ends or does not answer in time; the signal's reason if that comes first
 */
export async function startUiServer(options: UiServerOptions): Promise<UiProcess> {
  options.signal?.throwIfAborted();
  const logFile = options.logFile ?? newUiLog(options.stateDir, process.pid);
  const socketFolder = await makeRunFolder([options.environment['TMPDIR'] ?? '/tmp'], process.pid);
  const settings = { ...options, socketPath: path.join(socketFolder, 'ui') };
  const leashed = await startOnLeash(settings, socketFolder, logFile);
  const { socketPath } = settings;
  const server: UiProcess = {
    ...{ address: { socketPath }, socketPath },
    startPath: startPathOf(options.program),
    version: options.program.version,
    logFile,
    ...leashed,
  };
  try {
    const { clock, signal } = options;
    const address = () => Promise.resolve({ socketPath });
    const { ended } = leashed;
    await untilAnswering({ name: options.program.path, address, ended, logFile, clock, signal });
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

async function startOnLeash(
  settings: UiSettings & Pick<UiServerOptions, 'environment'>,
  socketFolder: string,
  logFile: string,
): Promise<Pick<UiServer, 'ended' | 'stop'>> {
  await mkdir(path.join(settings.stateDir, 'jupyter'), { recursive: true, mode: 0o700 });
  const log = await open(logFile, 'a', 0o600);
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
