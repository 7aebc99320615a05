// POST /control/builds/next: how a step of the next build ends, for those who want to see what follows. Google has
// nothing like it.
import { z } from 'zod';
import { parseBody } from '../compute/requests.ts';
import { refuseBrowsers } from '../control/routes.ts';
import { json, type Route } from '../router.ts';
import type { Builds } from './builds.ts';

const plannedEnd = z.strictObject({
  /** The step's index. */
  step: z.int().min(0),
  exitCode: z.int().min(0).max(255),
  /** What it prints before that. */
  lines: z.array(z.string().max(10_000)).max(1000).default([]),
});

export function createBuildControlRoutes(builds: Builds): Route[] {
  return [
    {
      method: 'POST',
      path: '/control/builds/next',
      handle: (call) => {
        refuseBrowsers(call);
        const end = parseBody(call, plannedEnd, 'request');
        builds.plan(end);
        return json(end);
      },
    },
  ];
}
