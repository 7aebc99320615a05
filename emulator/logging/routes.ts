// entries.list of Cloud Logging: filtered, ordered, in pages. write-route.ts has the other emulated method.
// https://cloud.google.com/logging/docs/reference/v2/rest/v2/entries/list
import { z } from 'zod';
import { checkQuery, parseBody } from '../compute/requests.ts';
import { rpcError } from '../google-error.ts';
import { requireBearer } from '../oidc/tokens.ts';
import { json, type Call, type Reply, type Route } from '../router.ts';
import { orderKey, type LogEntry } from './entries.ts';
import { parseLogFilter } from './filter.ts';
import { writeRoute, type WriteRouteOptions } from './write-route.ts';

const DEFAULT_PAGE = 50;
const MAX_PAGE = 1000;
const MAX_FILTER = 20_000;

const listRequest = z.strictObject({
  resourceNames: z.array(z.string()).optional(),
  projectIds: z.array(z.string()).optional(),
  filter: z.string().optional(),
  orderBy: z.string().optional(),
  pageSize: z.int().optional(),
  pageToken: z.string().optional(),
});
type ListRequest = z.infer<typeof listRequest>;

export interface LoggingRoutesOptions extends WriteRouteOptions {
  project: { id: string; number: string };
}

export function createLoggingRoutes(options: LoggingRoutesOptions): Route[] {
  return [
    { method: 'POST', path: '/v2/entries:list', handle: (call) => list(call, options) },
    writeRoute(options),
  ];
}

function list(call: Call, { project, entries, tokens }: LoggingRoutesOptions): Reply {
  requireBearer(tokens, call.headers.authorization);
  checkQuery(call, []);
  const request = parseBody(call, listRequest, 'request');
  checkResources(request, project);
  const matches = parseLogFilter(checkedFilter(request));
  const isDescending = readOrder(request.orderBy);
  const after = readToken(request.pageToken);
  const found = entries.all.filter(
    (entry) => matches(entry) && isBehind(entry, after, isDescending),
  );
  if (isDescending) found.reverse();
  const page = found.slice(0, readSize(request.pageSize));
  const isMore = found.length > page.length;
  return json({
    ...(page.length > 0 ? { entries: page } : {}),
    ...(isMore ? { nextPageToken: tokenOf(page.at(-1)) } : {}),
  });
}

function checkResources(
  { resourceNames = [], projectIds = [] }: ListRequest,
  project: LoggingRoutesOptions['project'],
): void {
  const names = [...resourceNames, ...projectIds.map((id) => `projects/${id}`)];
  if (names.length === 0) {
    throw rpcError('INVALID_ARGUMENT', 'At least one resource name must be given.');
  }
  for (const name of names) {
    if (name === `projects/${project.id}` || name === `projects/${project.number}`) continue;
    throw rpcError('PERMISSION_DENIED', `The caller does not have permission on ${name}`);
  }
}

function checkedFilter({ filter = '' }: ListRequest): string {
  if (filter.length <= MAX_FILTER) return filter;
  throw rpcError('INVALID_ARGUMENT', `The filter is longer than ${MAX_FILTER} characters.`);
}

function readOrder(orderBy = 'timestamp asc'): boolean {
  const order = orderBy === '' ? 'timestamp asc' : orderBy;
  if (order === 'timestamp asc' || order === 'timestamp desc') return order.endsWith('desc');
  throw rpcError('INVALID_ARGUMENT', `order_by "${order}" is not supported.`);
}

function readSize(pageSize = 0): number {
  if (pageSize < 0) throw rpcError('INVALID_ARGUMENT', 'page_size must not be negative.');
  return pageSize === 0 ? DEFAULT_PAGE : Math.min(pageSize, MAX_PAGE);
}

/** A page ends at an entry, not at a number: entries written meanwhile shift nothing. */
function tokenOf(last: LogEntry | undefined): string {
  return Buffer.from(last ? orderKey(last) : '').toString('base64url');
}

function readToken(token = ''): string | undefined {
  if (token === '') return undefined;
  const key = Buffer.from(token, 'base64url').toString();
  if (/^[\d-]+T[\d:.]+Z \S+$/.test(key)) return key;
  throw rpcError('INVALID_ARGUMENT', 'page_token is not valid.');
}

function isBehind(entry: LogEntry, after: string | undefined, isDescending: boolean): boolean {
  if (after === undefined) return true;
  const key = orderKey(entry);
  return isDescending ? key < after : key > after;
}
