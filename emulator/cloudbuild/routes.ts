// Cloud Build's API, as far as builds without triggers need it, with and without a location in the path.
// https://cloud.google.com/build/docs/api/reference/rest/v1/projects.builds
import { z } from 'zod';
import { checkQuery, parseBody } from '../compute/requests.ts';
import { notEmulated, rpcError } from '../google-error.ts';
import { requireBearer, type Tokens } from '../oidc/tokens.ts';
import { json, type Call, type Params, type Reply, type Route } from '../router.ts';
import type { Builds } from './builds.ts';
import { parseBuildFilter } from './filter.ts';
import { buildRequest, NOT_EMULATED } from './requests.ts';
import { shownBuild, shownOperation } from './shown.ts';
import type { Build, CloudBuildState } from './state.ts';

export interface CloudBuildRoutesOptions {
  project: { id: string; number: string };
  state: CloudBuildState;
  builds: Builds;
  tokens: Tokens;
}

interface Declaration {
  method: 'GET' | 'POST';
  /** Below the project, or its location. */
  path: string;
  query: readonly string[];
  handle: (call: Call, params: Params) => Reply;
}

const DEFAULT_PAGE = 50;
const MAX_PAGE = 1000;
const BASES = ['/v1/projects/:project', '/v1/projects/:project/locations/:location'];
/** Parts of the path that clients may repeat as parameters. */
const NAMES = ['parent', 'name', 'projectId', 'id'];

const cancelRequest = z.strictObject({
  name: z.string().optional(),
  projectId: z.string().optional(),
  id: z.string().optional(),
});

export function createCloudBuildRoutes(options: CloudBuildRoutesOptions): Route[] {
  const { builds, state } = options;
  const declarations: Declaration[] = [
    {
      method: 'POST',
      path: '/builds',
      query: [],
      handle: (call) => {
        const request = parseBody(call, buildRequest, 'build', NOT_EMULATED);
        return json(shownOperation(builds.create(request), call));
      },
    },
    {
      method: 'GET',
      path: '/builds',
      query: ['filter', 'pageSize', 'pageToken'],
      handle: (call) => list(call, state),
    },
    {
      method: 'GET',
      path: '/builds/:id',
      query: [],
      handle: (call, { id = '' }) => json(shownBuild(find(state, id), call)),
    },
    {
      // `:cancel` belongs to the last segment, which the router does not take apart.
      method: 'POST',
      path: '/builds/:called',
      query: [],
      handle: (call, { called = '' }) => {
        const [id = '', verb = ''] = called.split(':');
        if (verb !== 'cancel') throw notEmulated(`builds.${verb}`);
        parseBody(call, cancelRequest, 'request');
        const build = find(state, id);
        builds.cancel(build);
        return json(shownBuild(build, call));
      },
    },
  ];
  return [
    ...BASES.flatMap((base) =>
      declarations.map((declaration) => toRoute(base, declaration, options)),
    ),
    {
      method: 'GET',
      path: '/v1/operations/build/:project/:operation',
      handle: (call, { project = '', operation = '' }) => {
        checkCall(call, { project }, options, []);
        const id = Buffer.from(operation, 'base64').toString();
        return json(shownOperation(find(state, id), call));
      },
    },
  ];
}

function toRoute(base: string, declaration: Declaration, options: CloudBuildRoutesOptions): Route {
  const { method, path, query, handle } = declaration;
  return {
    method,
    path: `${base}${path}`,
    handle: (call, params) => {
      checkCall(call, params, options, query);
      return handle(call, params);
    },
  };
}

function checkCall(
  call: Call,
  { project = '', location = 'global' }: Params,
  options: CloudBuildRoutesOptions,
  query: readonly string[],
): void {
  requireBearer(options.tokens, call.headers.authorization);
  if (project !== options.project.id && project !== options.project.number) {
    throw rpcError('PERMISSION_DENIED', 'The caller does not have permission');
  }
  if (location !== 'global') throw notEmulated(`builds in region '${location}'`);
  checkQuery(call, [...NAMES, ...query]);
}

function find(state: CloudBuildState, id: string): Build {
  const found = state.value.builds.find((build) => build.id === id);
  if (found) return found;
  throw rpcError('NOT_FOUND', 'Requested entity was not found.');
}

/** Newest first. A page ends at a build, not at a number: builds made meanwhile shift nothing. */
function list({ query, ...call }: Call, state: CloudBuildState): Reply {
  const matches = parseBuildFilter(query.get('filter') ?? '');
  const size = readSize(query.get('pageSize') ?? '0');
  const all = state.value.builds.toReversed();
  const start = readToken(query.get('pageToken') ?? '', all);
  const found = all.slice(start).filter(matches);
  const page = found.slice(0, size);
  const shown = page.map((build) => shownBuild(build, { ...call, query }));
  const last = page.at(-1);
  const isMore = last !== undefined && found.length > page.length;
  return json({
    ...(shown.length > 0 ? { builds: shown } : {}),
    ...(isMore ? { nextPageToken: Buffer.from(last.id).toString('base64url') } : {}),
  });
}

function readSize(pageSize: string): number {
  const size = Number(pageSize);
  if (!/^\d+$/.test(pageSize)) throw rpcError('INVALID_ARGUMENT', 'invalid page size');
  return size === 0 ? DEFAULT_PAGE : Math.min(size, MAX_PAGE);
}

function readToken(token: string, all: readonly Build[]): number {
  if (token === '') return 0;
  const id = Buffer.from(token, 'base64url').toString();
  const last = all.findIndex((build) => build.id === id);
  if (last === -1) throw rpcError('INVALID_ARGUMENT', 'invalid page token');
  return last + 1;
}
