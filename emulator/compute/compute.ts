// Puts emulated Compute Engine together: state, machines, operations, instances, routes.
import path from 'node:path';
import type { Clock } from '../clock.ts';
import type { Reach } from '../iap/server.ts';
import type { MetadataNode } from '../metadata/tree.ts';
import type { Tokens } from '../oidc/tokens.ts';
import type { Durations } from '../options.ts';
import type { Log, Route } from '../router.ts';
import type { InstanceEnd, InstanceRuntime } from '../runtime/instance-runtime.ts';
import { Instances } from './instances.ts';
import { Machines } from './machines.ts';
import { Operations } from './operations.ts';
import { recover, restart } from './recovery.ts';
import { createComputeRoutes } from './routes.ts';
import { SERIAL_PORT_LOG } from './serial-port.ts';
import { openComputeState, type InstanceRecord } from './state.ts';

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
  const machines = new Machines({ ...options, state, onEnded });
  const instances = new Instances({ project: project.id, state, operations, machines, durations });
  return {
    routes: createComputeRoutes({ project, stateDir, state, operations, instances, tokens, clock }),
    reach: (zone, instance) => machines.reach(zone, instance),
    describe: () => state.value.instances.map((instance) => describe(instance, stateDir)),
    recover: () => {
      recover({ state, operations, machines, instances, durations, log });
    },
    cutPower: async () => {
      operations.close();
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
