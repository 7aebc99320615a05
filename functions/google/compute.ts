// Compute Engine: the calls that observing and applying need, through Google's client over REST.
// The client takes about a second to load, so that happens at the first call.
import type { GoogleAuth } from 'google-auth-library';
import type { InstancesClient } from '@google-cloud/compute/build/src/v1/instances_client.js';
import type { ZoneOperationsClient } from '@google-cloud/compute/build/src/v1/zone_operations_client.js';
import type { Mutations, Target } from '../apply.ts';
import type { Config } from '../config.ts';
import { AppError } from '../errors.ts';
import { SESSION_LABEL } from '../instance.ts';
import type { Looks, SeenInstance } from '../observe.ts';
import { absentIfNotFound, absentIfNotReady, boundedCall } from './call.ts';
import { explainGaxError } from './gax-error.ts';
import {
  instanceResource,
  seenInstance,
  seenOperation,
  serialOutput,
  type SerialOutput,
} from './compute-resources.ts';

export type Compute = Omit<Looks, 'findImages' | 'hasGrant'> & Mutations & SerialPorts;

export interface SerialPorts {
  /** What the instance has written to its first serial port, from that byte on; undefined: it does not run. */
  readSerialPort(zone: string, name: string, start: number): Promise<SerialOutput | undefined>;
}

interface Clients {
  instances: InstancesClient;
  operations: ZoneOperationsClient;
}

export function createCompute(config: Config, auth: () => Promise<GoogleAuth>): Compute {
  let clients: Promise<Clients> | undefined;
  const load = () => (clients ??= loadClients(config, auth));
  const { projectId: project, callSeconds } = config;
  // No retries in the client: reconciling again is the retry, and the only one.
  const once = { timeout: callSeconds * 1000, retry: null, autoPaginate: false };
  const call = async <T>(work: (clients: Clients) => Promise<T>): Promise<T> => {
    const loaded = await load();
    return await boundedCall('Compute Engine', callSeconds, () => work(loaded), explainGaxError);
  };
  const named = ({ zone, name }: Target) => ({ project, zone, instance: name });
  return {
    findInstances: (sessionId) =>
      call((use) => findByLabel(use.instances, project, sessionId, once)),
    getInstance: (zone, name) =>
      absentIfNotFound(
        call(async ({ instances }) => {
          const [instance] = await instances.get(named({ zone, name }), once);
          return seenInstance(instance);
        }),
      ),
    findOperation: (zone, requestId) =>
      call(async ({ operations }) => {
        const filter = `clientOperationId = "${requestId}"`;
        // With a filter a page may be empty and still have a next one.
        for await (const operation of operations.listAsync({ project, zone, filter }, once)) {
          return seenOperation(operation);
        }
        return undefined;
      }),
    insertInstance: (spec, requestId) =>
      call(async ({ instances }) => {
        const { zone } = spec;
        await instances.insert(
          { project, zone, requestId, instanceResource: instanceResource(spec) },
          once,
        );
      }),
    startInstance: (target, requestId) =>
      call(async ({ instances }) => {
        await instances.start({ ...named(target), requestId }, once);
      }),
    resumeInstance: (target, requestId) =>
      call(async ({ instances }) => {
        await instances.resume({ ...named(target), requestId }, once);
      }),
    suspendInstance: (target, requestId) =>
      call(async ({ instances }) => {
        await instances.suspend({ ...named(target), requestId }, once);
      }),
    stopInstance: (target, requestId) =>
      call(async ({ instances }) => {
        await instances.stop({ ...named(target), requestId }, once);
      }),
    deleteInstance: (target, requestId) =>
      call(async ({ instances }) => {
        await instances.delete({ ...named(target), requestId }, once);
      }),
    readSerialPort: (zone, name, start) =>
      absentIfNotReady(
        call(async ({ instances }) => {
          const request = { ...named({ zone, name }), port: 1, start };
          const [output] = await instances.getSerialPortOutput(request, once);
          return serialOutput(output);
        }),
      ),
  };
}

/** Across all zones. A zone that did not answer may hold the instance: then nothing is known. */
async function findByLabel(
  instances: InstancesClient,
  project: string,
  sessionId: string | undefined,
  once: { timeout: number; retry: null },
): Promise<SeenInstance[]> {
  const found: SeenInstance[] = [];
  const filter =
    sessionId === undefined
      ? `labels.${SESSION_LABEL}:*`
      : `labels.${SESSION_LABEL} = "${sessionId}"`;
  const request = { project, filter };
  for await (const [scope, list] of instances.aggregatedListAsync(request, once)) {
    const warning = list.warning?.code;
    if (warning === 'UNREACHABLE' || warning === 'PARTIAL_SUCCESS') {
      throw new AppError('UNAVAILABLE', `Compute Engine: ${scope} cannot be reached just now.`, {
        isRetryable: true,
      });
    }
    found.push(...(list.instances ?? []).map(seenInstance));
  }
  return found;
}

async function loadClients(config: Config, auth: () => Promise<GoogleAuth>): Promise<Clients> {
  const [{ InstancesClient }, { ZoneOperationsClient }] = await Promise.all([
    import('@google-cloud/compute/build/src/v1/instances_client.js'),
    import('@google-cloud/compute/build/src/v1/zone_operations_client.js'),
  ]);
  const options = await computeClientOptions(config, auth);
  return {
    instances: new InstancesClient(options),
    operations: new ZoneOperationsClient(options),
  };
}

export async function computeClientOptions(
  { computeUrl }: Pick<Config, 'computeUrl'>,
  auth: () => Promise<GoogleAuth>,
) {
  const { protocol, hostname, port } = new URL(computeUrl);
  return {
    apiEndpoint: hostname,
    port: Number(port) || (protocol === 'http:' ? 80 : 443),
    protocol: protocol.replace(':', ''),
    fallback: true,
    auth: await auth(),
  };
}
