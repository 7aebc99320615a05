// Brings a local session's containers up, from wherever they are: what is there and right is left alone, so that it may run
// again at any time, after a death in the middle, too. One at a time does it; api.ts calls it.
import { statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { takeLock } from '../session/start-claim.ts';
import { problemOf, runDocker, type DockerOptions } from '../docker/docker-program.ts';
import { ClientError } from '../errors.ts';
import { lastLines } from '../output/last-lines.ts';
import { askActivity } from './activity.ts';
import {
  agentArguments,
  ARGUMENTS_LABEL,
  gatewayArguments,
  type GatewaySettings,
  type Machine,
} from './container-arguments.ts';
import { isAlive, isUp, look, makeNetwork, run, type Container } from './containers.ts';
import { ensureImages, type ImagesWanted } from './images.ts';
import type { LocalPlace } from './place.ts';
import { accessTokenOf, prepare } from './prepare.ts';
import type { LocalRecord } from './record.ts';
import type { Progress } from './session-view.ts';

export interface BringUpOptions {
  place: LocalPlace;
  record: LocalRecord;
  machine: Machine;
  images: ImagesWanted;
  gateway: Omit<GatewaySettings, 'image' | 'contentDir' | 'folderId'>;
  environment: NodeJS.ProcessEnv;
  signal: AbortSignal;
  onProgress: (progress: Progress) => void;
}

const LOCK_MILLISECONDS = 100;
const LOOK_MILLISECONDS = 200;
const KNOWN_MILLISECONDS = 5_000;
const READY_MILLISECONDS = 120_000;
/** So often one after the other, and it will not come up. */
const CRASHES = 3;

/** @throws ClientError; the signal's reason */
export async function bringUp(options: BringUpOptions): Promise<void> {
  const { environment, signal, onProgress } = options;
  const say = (kind: 'images' | 'containers' | 'gateway', words: string) => {
    onProgress({ kind, words });
  };
  say('images', 'its images');
  const images = await ensureImages(options.images, {
    ...{ environment, signal },
    onProgress: (line) => {
      say('images', `its images, built once: ${line}`);
    },
  });
  say('containers', 'its containers');
  await withLock(options.place, signal, async () => {
    prepare(options.place, options.record.folder);
    await makeNetwork(options.place, { environment, signal });
    // The agent first: alone it ends by itself, should this process die between the two.
    const { agent, gateway } = await look(options.place, { environment, signal });
    await startAgent(agent, options, images.agent);
    await startGateway(gateway, options, images.gateway);
  });
  say('gateway', 'Jupyter in the gateway');
  await untilReady(options);
}

/** One that holds kernels stays, whatever it was made of; without any it is made anew of what is wanted now. */
async function startGateway(
  gateway: Container | undefined,
  options: BringUpOptions,
  image: string,
): Promise<void> {
  const { place, record, machine, environment, signal } = options;
  if (gateway?.status === 'paused') {
    await run(['unpause', place.gateway], { environment, signal });
    return;
  }
  const folderId = folderIdOf(record.folder);
  const settings = { ...options.gateway, image, contentDir: record.folder, folderId };
  const args = gatewayArguments(place, machine, settings);
  if (isUp(gateway) && (isOf(gateway, args) || !(await isEmpty(place, { environment, signal })))) {
    if (gateway?.folder !== folderId) throw ofAnotherFolder(place, record);
    return;
  }
  if (gateway) await run(['rm', '--force', place.gateway], { environment, signal });
  await run(args, { environment, signal });
}

/** Whether the gateway is known to hold no kernel: an agent that has just been made needs a moment to know. */
async function isEmpty(place: LocalPlace, options: DockerOptions): Promise<boolean> {
  for (const end = Date.now() + KNOWN_MILLISECONDS; Date.now() < end;) {
    const { agent } = await look(place, options);
    const activity = await askActivity(agent?.port, accessTokenOf(place));
    if (activity?.gatewayReady) return activity.kernels.length === 0;
    await delay(LOOK_MILLISECONDS, undefined, { signal: options.signal });
  }
  return false;
}

/** Another folder may have got its path since it was mounted. */
function folderIdOf(folder: string): string {
  const { dev, ino } = statSync(folder);
  return `${dev}:${ino}`;
}

function isOf(container: Container | undefined, args: readonly string[]): boolean {
  return args.includes(`--label=${ARGUMENTS_LABEL}=${container?.arguments ?? ''}`);
}

function ofAnotherFolder({ name }: LocalPlace, { folder }: LocalRecord): ClientError {
  return new ClientError(
    `The kernels of session ${name} see the folder that was at ${folder} before; it was moved or replaced. ` +
      `Put it back, or end them: datalab-client stop --local --name ${name}`,
  );
}

/** The kernels' channels outlive it, so that it is made anew when anything about it is to be another. */
async function startAgent(
  agent: Container | undefined,
  options: BringUpOptions,
  image: string,
): Promise<void> {
  const { place, record, machine, environment, signal } = options;
  if (agent?.status === 'paused') await run(['unpause', place.agent], { environment, signal });
  const { idleTimeoutSeconds } = record;
  const args = agentArguments(place, machine, { image, idleTimeoutSeconds });
  if (isAlive(agent) && isOf(agent, args)) return;
  if (agent) await run(['rm', '--force', place.agent], { environment, signal });
  await run(args, { environment, signal });
}

async function untilReady({ place, environment, signal }: BringUpOptions): Promise<void> {
  const options = { environment, signal };
  for (const end = Date.now() + READY_MILLISECONDS; Date.now() < end;) {
    const { gateway, agent } = await look(place, options);
    signal.throwIfAborted();
    for (const [container, name] of [
      [gateway, place.gateway],
      [agent, place.agent],
    ] as const) {
      const isBroken = !isUp(container) || (container?.restarts ?? 0) >= CRASHES;
      if (isBroken) throw await ended(name, options);
    }
    const activity = await askActivity(agent?.port, accessTokenOf(place));
    if (activity?.gatewayReady) return;
    await delay(LOOK_MILLISECONDS, undefined, { signal });
  }
  throw new ClientError(
    `The gateway does not answer. What it prints: datalab-client logs --local --name ${place.name}`,
  );
}

async function ended(name: string, options: DockerOptions): Promise<ClientError> {
  const logs = await runDocker(['logs', '--tail', '20', name], options);
  const text = logs.code === 0 ? logs.stdout + logs.stderr : problemOf(logs);
  return new ClientError(`The container ${name} has ended.\n${lastLines(text, 10)}`);
}

/** Whoever dies gives it up: the operating system sees to that. */
export async function withLock<T>(
  { lockFile }: LocalPlace,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  for (;;) {
    signal.throwIfAborted();
    const lock = takeLock(lockFile);
    if (!lock) {
      await delay(LOCK_MILLISECONDS, undefined, { signal });
      continue;
    }
    try {
      return await work();
    } finally {
      lock.close();
    }
  }
}
