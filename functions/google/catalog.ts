// Which zones and machine types there are. Asked before a session is stored; what was found is remembered, since it
// hardly ever goes.
import type { GoogleAuth } from 'google-auth-library';
import type { MachineTypesClient } from '@google-cloud/compute/build/src/v1/machine_types_client.js';
import type { ZonesClient } from '@google-cloud/compute/build/src/v1/zones_client.js';
import type { Config } from '../config.ts';
import { absentIfNotFound, boundedCall } from './call.ts';
import { computeClientOptions } from './compute.ts';
import { explainGaxError } from './gax-error.ts';

export interface Catalog {
  /** @returns what there is not; undefined when there are both. @throws AppError */
  findMissing(zone: string, machineType: string): Promise<'zone' | 'machineType' | undefined>;
}

interface Clients {
  machineTypes: MachineTypesClient;
  zones: ZonesClient;
}

export function createCatalog(config: Config, auth: () => Promise<GoogleAuth>): Catalog {
  const { projectId: project, callSeconds } = config;
  const once = { timeout: callSeconds * 1000, retry: null };
  let clients: Promise<Clients> | undefined;
  const load = () => (clients ??= loadClients(config, auth));
  const found = new Set<string>();
  const exists = async (work: (clients: Clients) => Promise<unknown>): Promise<boolean> => {
    const loaded = await load();
    const call = boundedCall('Compute Engine', callSeconds, () => work(loaded), explainGaxError);
    return (await absentIfNotFound(call)) !== undefined;
  };
  return {
    findMissing: async (zone, machineType) => {
      const key = `${zone}/${machineType}`;
      if (found.has(key)) return undefined;
      const hasType = await exists(({ machineTypes }) =>
        machineTypes.get({ project, zone, machineType }, once),
      );
      if (hasType) {
        found.add(key);
        return undefined;
      }
      // Google answers 404 for both.
      return (await exists(({ zones }) => zones.get({ project, zone }, once)))
        ? 'machineType'
        : 'zone';
    },
  };
}

async function loadClients(config: Config, auth: () => Promise<GoogleAuth>): Promise<Clients> {
  const [{ MachineTypesClient }, { ZonesClient }] = await Promise.all([
    import('@google-cloud/compute/build/src/v1/machine_types_client.js'),
    import('@google-cloud/compute/build/src/v1/zones_client.js'),
  ]);
  const options = await computeClientOptions(config, auth);
  return { machineTypes: new MachineTypesClient(options), zones: new ZonesClient(options) };
}
