// The reapIdle function's one route: Cloud Scheduler's POST. reaper.ts does the work.
import { authenticateScheduler } from './caller.ts';
import type { ApiDeps } from './api.ts';
import type { Route } from './http.ts';
import { reap } from './reaper.ts';

export function createScheduledRoutes(deps: () => ApiDeps): Route[] {
  return [
    { method: 'GET', pattern: /^\/health$/, handle: () => Promise.resolve({ status: 'ok' }) },
    {
      method: 'POST',
      pattern: /^\/$/,
      handle: async ({ headers }) => {
        await authenticateScheduler(headers, deps());
        return await reap(deps());
      },
    },
  ];
}
