// Runs the UI server as a container for the relay, and ends it: when told, and also when this process dies, since the
// container ends with its standard input (docker/datalab/ui_server.py), whose other end is here.
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from '../clock.ts';
import { makeRunFolder } from '../jupyter/run-folder.ts';
import {
  logTail,
  untilAnswering,
  type UiAddress,
  type UiServer,
  type UiServerEnd,
} from '../jupyter/ui-answers.ts';
import { codeOf, runDocker, spawnDocker } from './docker-program.ts';
import type { Engine, Person } from './engine-info.ts';
import { ownLabels } from './leftovers.ts';
import { PORT_INSIDE, runArguments, SOCKET_NAME, type UiWay } from './ui-container-arguments.ts';

export interface UiContainerOptions {
  engine: Engine;
  image: string;
  person: Person;
  contentDir: string;
  stateDir: string;
  volume: string;
  logFile: string;
  environment: NodeJS.ProcessEnv;
  clock: Clock;
  signal?: AbortSignal | undefined;
  /** Absent: as the engine allows. */
  way?: UiWay;
}

/** The server has five seconds to end by itself. */
const STOP_MILLISECONDS = 8_000;
const REMOVE_MILLISECONDS = 10_000;

/**
 * @returns when the server answers
 * @throws UiServerError if it ends or does not answer in time; the signal's reason if that comes first
 */
export async function startUiContainer(options: UiContainerOptions): Promise<UiServer> {
  options.signal?.throwIfAborted();
  const { environment, stateDir, logFile, clock, signal } = options;
  const temporary = environment['TMPDIR'] ?? '/tmp';
  // The state folder first: some engines (of snap, of Docker Desktop on Linux) see nothing but the home.
  const runFolder = await makeRunFolder([stateDir, temporary], process.pid);
  const container = await run(options, runFolder);
  try {
    const starting = { ...{ name: 'container', ended: container.ended }, logFile, clock, signal };
    const address = await untilAnswering({ ...starting, address: container.address });
    return { ...container, address, startPath: '/lab', logFile };
  } catch (error) {
    await container.stop();
    throw error;
  }
}

interface Container {
  address: () => Promise<UiAddress | undefined>;
  ended: Promise<UiServerEnd>;
  stop: () => Promise<void>;
}

async function run(options: UiContainerOptions, runFolder: string): Promise<Container> {
  const { engine, environment, logFile } = options;
  const way = options.way ?? (engine.isVirtual ? 'port' : 'socket');
  const name = `datalab-ui-${process.pid}-${randomBytes(4).toString('hex')}`;
  const token = way === 'port' ? randomBytes(24).toString('base64url') : '';
  const fixed = { name, way, runFolder, labels: ownLabels(), platform: process.platform };
  const log = await open(logFile, 'a', 0o600);
  const child = spawnDocker(runArguments({ ...options, ...fixed }), environment, [
    'pipe',
    log.fd,
    log.fd,
  ]);
  const ended = codeOf(child).then(async (code) => {
    await rm(runFolder, { recursive: true, force: true });
    return { code, lastLines: await logTail(logFile) };
  });
  await log.close();
  // It can fail only because the container has ended, which `ended` tells.
  child.stdin?.on('error', () => undefined).write(`${token}\n`);
  const address =
    way === 'socket'
      ? () => Promise.resolve({ socketPath: path.join(runFolder, SOCKET_NAME) })
      : () => publishedAt(name, token, environment);
  return { address, ended, stop: once(() => stop(child, name, ended, options)) };
}

async function publishedAt(
  name: string,
  token: string,
  environment: NodeJS.ProcessEnv,
): Promise<UiAddress | undefined> {
  const { stdout } = await runDocker(['port', name, `${PORT_INSIDE}/tcp`], { environment });
  const port = /^127\.0\.0\.1:(\d+)$/m.exec(stdout)?.[1];
  return port === undefined ? undefined : { port: Number(port), token };
}

async function stop(
  child: ChildProcess,
  name: string,
  ended: Promise<UiServerEnd>,
  { environment, clock }: UiContainerOptions,
): Promise<void> {
  child.stdin?.end();
  if (await isWithin(STOP_MILLISECONDS, ended, clock)) return;
  await runDocker(['rm', '--force', name], { environment, limitMilliseconds: REMOVE_MILLISECONDS });
  if (await isWithin(REMOVE_MILLISECONDS, ended, clock)) return;
  // The engine does not answer. Whatever it does later: the container has no standard input any more.
  child.kill('SIGKILL');
  await ended;
}

function isWithin(milliseconds: number, end: Promise<unknown>, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    const cancel = clock.after(milliseconds, () => {
      resolve(false);
    });
    void end.then(() => {
      cancel();
      resolve(true);
    });
  });
}

function once(action: () => Promise<void>): () => Promise<void> {
  let result: Promise<void> | undefined;
  return () => (result ??= action());
}
