// Puts emulated Cloud Build together: state, builds, routes.
import type { Route } from '../router.ts';
import { Builds, type BuildsOptions } from './builds.ts';
import { createBuildControlRoutes } from './control-routes.ts';
import { createCloudBuildRoutes } from './routes.ts';
import { openCloudBuildState } from './state.ts';

export interface CloudBuild {
  routes: Route[];
  /** What was under way at the last end; to be called when the main port listens. */
  recover(): void;
  cutPower(): Promise<void>;
}

export function createCloudBuild(options: Omit<BuildsOptions, 'state'>): CloudBuild {
  const state = openCloudBuildState(options.stateDir);
  const builds = new Builds({ ...options, state });
  return {
    routes: [
      ...createCloudBuildRoutes({ ...options, state, builds }),
      ...createBuildControlRoutes(builds),
    ],
    recover: () => {
      builds.recover();
    },
    cutPower: () => builds.cutPower(),
  };
}
