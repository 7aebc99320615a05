// The docker of the docker runtime: a real engine, with stand-ins/docker before it that puts the emulated registry in the
// place of Google's and marks what it runs as the instance's. An engine's containers are no processes of the instance, so
// they are frozen, ended and removed here; what ends them with the emulator, however that ends, is stand-ins/power-off.
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { EMULATOR } from '../installed.ts';
import type { InstanceDocker } from '../runtime/instance-docker.ts';
import { followContainers } from './container-output.ts';
import type { Engine } from './engine.ts';
import { createFrozenContainers } from './frozen-containers.ts';
import { ofEmulator, ofInstance } from './labels.ts';
import { listContainers } from './list-containers.ts';

export const ENGINE_STAND_INS = path.join(EMULATOR, 'engine', 'stand-ins');
const POWER_OFF = path.join(ENGINE_STAND_INS, 'power-off');

export interface EngineDockerOptions {
  engine: Engine;
  emulatorId: string;
  /** An image on the engine whose `node` may do what only root can: the agent's. */
  cleaner: string;
}

export function createEngineDocker({
  engine,
  emulatorId,
  cleaner,
}: EngineDockerOptions): InstanceDocker {
  const list = (filter: string, ...more: string[]) => listContainers(engine, filter, ...more);
  /** What ends by itself between the list and the call is no failure. */
  const forEach = async (ids: readonly string[], ...command: string[]): Promise<void> => {
    if (ids.length === 0) return;
    await engine.run([...command, ...ids]).catch(async (error: unknown) => {
      const there = await list('status=running', ...ids.flatMap((id) => ['--filter', `id=${id}`]));
      if (there.length > 0) throw error;
    });
  };
  const endAtOnce = async (filter: string): Promise<void> => {
    const ids = await list(filter);
    if (ids.length === 0) return;
    // An agent's has no policy that could be changed: it is removed when it ends.
    await engine.run(['update', '--restart=no', ...ids]).catch(() => undefined);
    await forEach(ids, 'kill');
  };
  const frozen = createFrozenContainers(engine);
  return {
    standIns: [ENGINE_STAND_INS],
    environment: ({ registryUrl }) => engineEnvironment(engine, emulatorId, registryUrl),
    // As an engine does at its start: `power-off` has taken the policy away, so that the host's next boot starts nothing.
    async powerOn(leash) {
      const ids = await list(ofInstance(leash), '--all', '--filter', 'status=exited');
      if (ids.length > 0) await engine.run(['update', '--restart=always', ...ids]);
    },
    freeze: (leash) => frozen.freeze(leash),
    thaw: (leash) => frozen.thaw(leash),
    shutDown: async (leash, seconds) => {
      await forEach(await list(ofInstance(leash)), 'stop', `--time=${seconds}`);
    },
    follow: (spec, leash) => followContainers(engine, leash, (...told) => spec.onOutput?.(...told)),
    async remove(leash, folder) {
      const ids = await list(ofInstance(leash), '--all');
      if (ids.length > 0) await engine.run(['rm', '--force', '--volumes', ...ids]);
      await removeAsRoot(engine, cleaner, folder);
    },
    powerOff: (leash) => endAtOnce(ofInstance(leash)),
    sweep: () => endAtOnce(ofEmulator(emulatorId)),
  };
}

/** What stand-ins/ go by, on instances and in builds. */
export function engineEnvironment(
  engine: Engine,
  emulatorId: string,
  registryUrl: string,
): Record<string, string> {
  return {
    DOCKER_HOST: engine.host,
    DATALAB_EMULATOR_ID: emulatorId,
    // In a namespace of its own a program takes itself for root.
    DATALAB_EMULATOR_UID: String(process.getuid?.() ?? 0),
    DATALAB_EMULATOR_ENGINE_DOCKER: engine.program,
    DATALAB_EMULATOR_REGISTRY_HOST: new URL(registryUrl).host,
    DATALAB_EMULATOR_AT_END: POWER_OFF,
  };
}

/** Containers have other users than ours: what they have made in the folder may not be ours to remove. */
async function removeAsRoot(engine: Engine, image: string, folder: string): Promise<void> {
  try {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  } catch (error) {
    const isForbidden = error instanceof Error && 'code' in error && error.code === 'EACCES';
    if (!isForbidden) throw error;
    const program = `fs.readdirSync('/folder').forEach((name) => fs.rmSync('/folder/' + name, { recursive: true }))`;
    await engine.run([
      ...['run', '--rm', '--network=none', '--user=0', `--volume=${folder}:/folder`],
      ...['--entrypoint=node', image, '--eval', program],
    ]);
  }
}
