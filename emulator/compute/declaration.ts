// What every route of Compute Engine has in common: a token, the project, a zone that exists, no parameters that
// Google does not know. The routes themselves are declared in *-routes.ts.
import type { Clock } from '../clock.ts';
import { GoogleError, invalidValue } from '../google-error.ts';
import { requireBearer, type AccessGrant, type Tokens } from '../oidc/tokens.ts';
import type { Call, Params, Reply, Route } from '../router.ts';
import { zoneNames } from './catalog.ts';
import type { Instances } from './instances.ts';
import type { Json } from './links.ts';
import { answerAggregatedList, LIST_PARAMETERS, type Scoped } from './listing.ts';
import type { Operations } from './operations.ts';
import { checkQuery } from './requests.ts';
import type { ComputeState } from './state.ts';

export interface ComputeRoutesOptions {
  project: { id: string; number: string };
  stateDir: string;
  state: ComputeState;
  operations: Operations;
  instances: Instances;
  tokens: Tokens;
  clock: Clock;
}

/** What a handler gets: the call, checked as far as all calls are checked. */
export interface Request {
  call: Call;
  params: Params;
  grant: AccessGrant;
  /** Checked to be a zone that exists; empty on routes without one. */
  zone: string;
}

export interface Declaration {
  method: 'GET' | 'POST' | 'DELETE';
  /** Below /compute/v1/projects/:project. */
  path: string;
  query?: readonly string[];
  handle: (request: Request) => Reply | Promise<Reply>;
}

export function toRoute(
  { method, path, query = [], handle }: Declaration,
  options: ComputeRoutesOptions,
): Route {
  const { tokens, project } = options;
  return {
    method,
    path: `/compute/v1/projects/:project${path}`,
    handle: (call, params) => {
      const grant = requireBearer(tokens, call.headers.authorization);
      const { project: asked = '', zone = '' } = params;
      const isImageProject = path.startsWith('/global/images');
      if (asked !== project.id && asked !== project.number && !isImageProject) {
        throw new GoogleError(404, 'notFound', `Failed to find project ${asked}`);
      }
      if (zone !== '' && path.includes('/:zone/') && !zoneNames().includes(zone)) {
        throw invalidValue('zone', zone, 'Unknown zone.');
      }
      checkQuery(call, query);
      return handle({ call, params, grant, zone });
    },
  };
}

/** A list over all zones. */
export function aggregated(
  project: string,
  field: string,
  kind: string,
  items: () => readonly Scoped[],
): Declaration {
  const path = `projects/${project}/aggregated/${field}`;
  const scopes = zoneNames().map((zone) => `zones/${zone}`);
  return {
    method: 'GET',
    path: `/aggregated/${field}`,
    query: [...LIST_PARAMETERS, 'includeAllScopes', 'serviceProjectNumber'],
    handle: ({ call }) => answerAggregatedList(call, { kind, path, field, scopes }, items()),
  };
}

export function scoped({ zone, resource }: { zone: string; resource: Json }): Scoped {
  return { scope: `zones/${zone}`, item: resource };
}
