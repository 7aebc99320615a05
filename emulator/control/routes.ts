// The emulator's own API, which Google has nothing like: what runs here, accounts, faults, the end.
import type { InstanceDetails } from '../compute/compute.ts';
import type { OperationRecord } from '../compute/state.ts';
import type { Faults } from '../faults/faults.ts';
import { GoogleError } from '../google-error.ts';
import { json, type Call, type Route } from '../router.ts';
import { createFaultRoutes } from './fault-routes.ts';
import { createIdentityRoutes, type IdentityRoutesOptions } from './identity-routes.ts';

export interface ControlOptions extends IdentityRoutesOptions {
  faults: Faults;
  info: () => object;
  instances: () => InstanceDetails[];
  /** What Google, or fate, does to instances. @throws GoogleError */
  preempt: (name: string) => OperationRecord;
  kill: (name: string) => Promise<void>;
  end: () => void;
}

export function createControlRoutes(options: ControlOptions): Route[] {
  const routes: Route[] = [
    { method: 'GET', path: '/control', handle: () => json(options.info()) },
    ...instanceRoutes(options),
    ...createIdentityRoutes(options),
    ...createFaultRoutes(options.faults),
    {
      method: 'POST',
      path: '/control/end',
      handle: () => {
        options.end();
        return json({}, 202);
      },
    },
  ];
  return routes.map((route) => ({
    ...route,
    handle: (call, params) => {
      refuseBrowsers(call);
      return route.handle(call, params);
    },
  }));
}

function instanceRoutes({ instances, preempt, kill }: ControlOptions): Route[] {
  return [
    {
      method: 'GET',
      path: '/control/instances',
      handle: () => json({ instances: instances() }),
    },
    {
      method: 'POST',
      path: '/control/instances/:name:preempt',
      handle: (_, { name = '' }) => json(preempt(name).resource),
    },
    {
      method: 'POST',
      path: '/control/instances/:name:kill',
      handle: async (_, { name = '' }) => {
        await kill(name);
        return json({});
      },
    },
  ];
}

/** Without this, any page in the user's browser could end the emulator, or make itself a user. */
export function refuseBrowsers({ headers }: Call): void {
  const host = (headers.host ?? '').replace(/:\d+$/, '');
  const isLocal = host === '127.0.0.1' || host === 'localhost';
  if (isLocal && headers.origin === undefined) return;
  throw new GoogleError(403, 'forbidden', 'The control API is not for browsers.');
}
