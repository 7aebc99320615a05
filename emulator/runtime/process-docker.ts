// The docker of the process runtime: a stand-in (docker.ts) whose containers are processes of the instance, frozen and ended
// with all others. Ready in seconds; needs no container engine.
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { EMULATOR, EXTENSION } from '../installed.ts';
import { followContainers } from './container-logs.ts';
import type { InstanceDocker } from './instance-docker.ts';
import type { BootSpec } from './instance-runtime.ts';

const RUNTIME = path.join(EMULATOR, 'runtime');

/** @param agentProgram the agent's program, run by this Node.js */
export function createProcessDocker(agentProgram: string): InstanceDocker {
  return {
    standIns: [],
    environment: (spec) => ({
      DATALAB_EMULATOR_BOOT_ID: randomUUID(),
      DATALAB_EMULATOR_DOCKER_FOLDER: dockerFolder(spec),
      DATALAB_EMULATOR_DOCKER: path.join(RUNTIME, `docker${EXTENSION}`),
      DATALAB_EMULATOR_REGISTRY: spec.registryUrl,
      DATALAB_EMULATOR_NODE: process.execPath,
      DATALAB_EMULATOR_AGENT: agentProgram,
    }),
    powerOn: nothing,
    freeze: nothing,
    thaw: nothing,
    shutDown: nothing,
    powerOff: nothing,
    follow: (spec) => followContainers(dockerFolder(spec), (...told) => spec.onOutput?.(...told)),
    remove: nothing,
    sweep: nothing,
  };
}

/** Images and containers: on the instance's disk. */
function dockerFolder(spec: BootSpec): string {
  return path.join(spec.folder, 'disk', 'docker');
}

function nothing(): Promise<void> {
  return Promise.resolve();
}
