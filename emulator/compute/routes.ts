// The routes of Compute Engine, all of them.
import type { Route } from '../router.ts';
import { catalogRoutes, projectRoutes } from './catalog-routes.ts';
import { toRoute, type ComputeRoutesOptions } from './declaration.ts';
import { diskRoutes, instanceRoutes } from './instance-routes.ts';
import { operationRoutes } from './operation-routes.ts';

export function createComputeRoutes(options: ComputeRoutesOptions): Route[] {
  return [
    ...projectRoutes(options),
    ...catalogRoutes(options),
    ...instanceRoutes(options),
    ...operationRoutes(options),
    ...diskRoutes(options),
  ].map((declaration) => toRoute(declaration, options));
}
