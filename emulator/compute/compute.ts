// Puts emulated Compute Engine together: state, machines, operations, instances, routes.
import path from 'node:path';
import type { Clock } from '../clock.ts';
import { invalidValue, notFound } from '../google-error.ts';
import type { Reach } from '../iap/server.ts';
import type { ContainerOutput } from '../logging/cos-containers.ts';
import type { MetadataNode } from '../metadata/tree.ts';
import type { Tokens } from '../oidc/tokens.ts';
import type { Durations } from '../options.ts';
import type { Dispatch, Log, Route } from '../router.ts';
import type { InstanceEnd, InstanceRuntime } from '../runtime/instance-runtime.ts';
import { Instances } from './instances.ts';
import { Machines } from './machines.ts';
import { Operations } from './operations.ts';
import { recover, restart } from './recovery.ts';
import { createComputeRoutes } from './routes.ts';
import { RunLimits } from './run-limits.ts';
import { SERIAL_PORT_LOG } from './serial-port.ts';
import {
  findInstance,
  openComputeState,
  type InstanceRecord,
  type OperationRecord,
} from './state.ts';
import { endRun, preempt } from './system-events.ts';

export interface ComputeOptions {
  stateDir: string;
  project: { id: string; number: string };
  runtime: InstanceRuntime;
  clock: Clock;
  durations: Durations;
  tokens: Tokens;
  log: Log;
  registryUrl: () => string;
  metadataTree: (instance: InstanceRecord) => MetadataNode;
  /** What every call to an instance's metadata server passes through. */
  aroundMetadata: (answer: Dispatch) => Dispatch;
  /** What containers on instances print. */
  onOutput: ContainerOutput;
}

/** What runs behind an instance, for people who look for the reason of something. */
export interface InstanceDetails {
  name: string;
  zone: string;
  status: string;
  statusMessage: string | undefined;
  address: string | undefined;
  folder: string;
  serialPortLog: string;
}

export interface Compute {
  routes: Route[];
  reach(zone: string, instance: string): Reach;
  describe(): InstanceDetails[];
  /** Brings back what was there before the last end; to be called when the main port listens. */
  recover(): void;
  cutPower(): Promise<void>;
  /** The id of the instance of that name, if there is one. */
  findId(zone: string, name: string): string | undefined;
  /** Ids of all instances. */
  ids(): string[];
  /** What Google does to a Spot instance when it wants the machine back. @throws GoogleError */
  preempt(name: string): OperationRecord;
  /** The machine's processes vanish. @throws GoogleError */
  kill(name: string): Promise<void>;
}

export function createCompute(options: ComputeOptions): Compute {
  const { stateDir, project, clock, durations, log, tokens } = options;
  const state = openComputeState(stateDir);
  const { pendingMilliseconds } = durations;
  const operations = new Operations({
    state,
    project: project.id,
    clock,
    log,
    pendingMilliseconds,
  });
  const onEnded = (instance: InstanceRecord, how: InstanceEnd) => {
    if (how === 'shutdown') {
      log(`instance ${instance.resource.name} switched itself off`);
      const type = 'compute.instances.guestTerminate';
      operations.begin({ type, instance, user: 'system' }, () => machines.settle(instance));
    } else {
      restart(instance, { operations, machines, durations, log });
    }
  };
  const runLimits = new RunLimits({
    clock,
    onOver: (instance) => {
      log(`instance ${instance.resource.name} has run as long as its maxRunDuration allows`);
      endRun(instance, { operations, machines, instances });
    },
  });
  const onStatus = (instance: InstanceRecord) => {
    runLimits.follow(instance);
  };
  const machines = new Machines({ ...options, state, onEnded, onStatus });
  const instances = new Instances({ project: project.id, state, operations, machines, durations });
  const findByName = (name: string): InstanceRecord => {
    const found = state.value.instances.find(({ resource }) => resource.name === name);
    if (found) return found;
    throw notFound(`instances/${name}`);
  };
  return {
    routes: createComputeRoutes({ project, stateDir, state, operations, instances, tokens, clock }),
    reach: (zone, instance) => machines.reach(zone, instance),
    describe: () => state.value.instances.map((instance) => describe(instance, stateDir)),
    recover: () => {
      recover({ state, operations, machines, instances, durations, log });
    },
    findId: (zone, name) => findInstance(state, zone, name)?.resource.id,
    ids: () => state.value.instances.map(({ resource }) => resource.id),
    preempt: (name) => preempt(findByName(name), { operations, machines, instances }),
    kill: async (name) => {
      const isKilled = await machines.kill(findByName(name));
      if (!isKilled) throw invalidValue('instance', name, 'Its machine has no power.');
    },
    cutPower: async () => {
      operations.close();
      runLimits.close();
      await machines.cutPower();
    },
  };
}

function describe({ zone, folder, resource }: InstanceRecord, stateDir: string): InstanceDetails {
  return {
    name: resource.name,
    zone,
    status: resource.status,
    statusMessage: resource.statusMessage,
    address: resource.networkInterfaces[0]?.networkIP,
    folder: path.join(stateDir, folder),
    serialPortLog: path.join(stateDir, folder, SERIAL_PORT_LOG),
  };
}
