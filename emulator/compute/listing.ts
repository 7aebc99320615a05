// List methods: filter, order, pages. The same for every kind of resource, in one zone or over all.
import { invalidValue } from '../google-error.ts';
import { json, type Call, type Reply } from '../router.ts';
import { parseFilter } from './filter.ts';
import { API_ROOT, type Json } from './links.ts';

export const LIST_PARAMETERS = [
  'filter',
  'maxResults',
  'pageToken',
  'orderBy',
  'returnPartialSuccess',
];

export interface Listing {
  /** Google's word for the list, such as `compute#instanceList`. */
  kind: string;
  /** Below /compute/v1/, for selfLink and id. */
  path: string;
  items: readonly Json[];
}

/** An item and the scope it belongs to, such as `zones/us-central1-a`. */
export interface Scoped {
  scope: string;
  item: Json;
}

const MAX_RESULTS = 500;

export function answerList(call: Call, { kind, path, items }: Listing): Reply {
  const page = select(call, items, (item) => item);
  return json({
    kind,
    id: path,
    ...(page.items.length > 0 ? { items: page.items } : {}),
    ...(page.next === undefined ? {} : { nextPageToken: page.next }),
    selfLink: `${API_ROOT}/${path}`,
  });
}

/** `field` is what the scopes' lists are called, such as `instances`. */
export function answerAggregatedList(
  call: Call,
  listing: { kind: string; path: string; field: string; scopes: readonly string[] },
  items: readonly Scoped[],
): Reply {
  const { kind, path, field, scopes } = listing;
  const page = select(call, items, ({ item }) => item);
  const byScope = Object.fromEntries(
    scopes.map((scope) => {
      const found = page.items.filter((scoped) => scoped.scope === scope);
      return [scope, found.length > 0 ? { [field]: found.map(({ item }) => item) } : empty(scope)];
    }),
  );
  return json({
    kind,
    id: path,
    items: byScope,
    ...(page.next === undefined ? {} : { nextPageToken: page.next }),
    selfLink: `${API_ROOT}/${path}`,
  });
}

function empty(scope: string): Json {
  return {
    warning: {
      code: 'NO_RESULTS_ON_PAGE',
      message: `There are no results for scope '${scope}' on this page.`,
      data: [{ key: 'scope', value: scope }],
    },
  };
}

function select<T>(
  { query }: Call,
  all: readonly T[],
  resourceOf: (item: T) => Json,
): { items: T[]; next: string | undefined } {
  const matches = parseFilter(query.get('filter'));
  const found = all.filter((item) => matches(resourceOf(item)));
  const ordered = sort(found, query.get('orderBy'), resourceOf);
  const size = readSize(query.get('maxResults'));
  const start = readToken(query.get('pageToken'));
  const end = start + size;
  return {
    items: ordered.slice(start, end),
    next: end < ordered.length ? Buffer.from(`from:${end}`).toString('base64url') : undefined,
  };
}

function sort<T>(items: readonly T[], orderBy: string | null, resourceOf: (item: T) => Json): T[] {
  const by = orderBy === null || orderBy === '' ? 'name' : orderBy;
  if (by === 'name') return items.toSorted(comparing((item) => text(resourceOf(item)['name'])));
  if (by !== 'creationTimestamp desc') {
    throw invalidValue('orderBy', by, 'Order by one of: name, creationTimestamp desc.');
  }
  return items.toSorted(
    comparing((item) => {
      const { creationTimestamp, insertTime } = resourceOf(item);
      return -Date.parse(text(creationTimestamp ?? insertTime));
    }),
  );
}

function comparing<T>(key: (item: T) => string | number): (left: T, right: T) => number {
  return (left, right) => (key(left) < key(right) ? -1 : Number(key(left) > key(right)));
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function readSize(maxResults: string | null): number {
  if (maxResults === null) return MAX_RESULTS;
  const size = Number(maxResults);
  if (/^\d+$/.test(maxResults) && size <= MAX_RESULTS) return size === 0 ? MAX_RESULTS : size;
  throw invalidValue('maxResults', maxResults, 'Values must be between 0 and 500.');
}

function readToken(token: string | null): number {
  if (token === null || token === '') return 0;
  const start = /^from:(\d+)$/.exec(Buffer.from(token, 'base64url').toString())?.[1];
  if (start === undefined) throw invalidValue('pageToken', token, 'Invalid page token.');
  return Number(start);
}
