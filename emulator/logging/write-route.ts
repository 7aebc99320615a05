// entries.write of Cloud Logging: what agents on machines call, and `gcloud logging write`.
// https://cloud.google.com/logging/docs/reference/v2/rest/v2/entries/write
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { checkQuery, parseBody } from '../compute/requests.ts';
import { rpcError } from '../google-error.ts';
import { requireBearer, type Tokens } from '../oidc/tokens.ts';
import { json, type Call, type Reply, type Route } from '../router.ts';
import type { LogEntries, NewEntry } from './entries.ts';
import { SEVERITIES, timeKey } from './filter.ts';

const strings = z.record(z.string(), z.string());
const resource = z.strictObject({ type: z.string().min(1), labels: strings.optional() });

const entry = z.strictObject({
  logName: z.string().optional(),
  resource: resource.optional(),
  labels: strings.optional(),
  severity: z.enum(SEVERITIES).optional(),
  timestamp: z.string().optional(),
  insertId: z.string().optional(),
  textPayload: z.string().optional(),
  jsonPayload: z.record(z.string(), z.unknown()).optional(),
});
type Entry = z.infer<typeof entry>;

const writeRequest = z.strictObject({
  logName: z.string().optional(),
  resource: resource.optional(),
  labels: strings.optional(),
  entries: z.array(entry).min(1),
});

export interface WriteRouteOptions {
  project: { id: string };
  entries: LogEntries;
  tokens: Tokens;
  clock: Clock;
}

const DAY_MILLISECONDS = 86_400_000;

export function writeRoute(options: WriteRouteOptions): Route {
  return { method: 'POST', path: '/v2/entries:write', handle: (call) => write(call, options) };
}

function write(call: Call, { project, entries, tokens, clock }: WriteRouteOptions): Reply {
  requireBearer(tokens, call.headers.authorization);
  checkQuery(call, []);
  const { entries: given, ...defaults } = parseBody(call, writeRequest, 'request');
  const complete = given.map((one) => newEntry({ ...defaults, ...one }, project.id));
  const limit = clock.now() + DAY_MILLISECONDS;
  const isTooNew = ({ timestamp }: NewEntry) => Date.parse(timestamp ?? '') > limit;
  if (complete.some(isTooNew)) {
    throw rpcError('INVALID_ARGUMENT', 'Log entries with timestamps too far in the future.');
  }
  // Sent again because the answer was lost.
  entries.write(...complete.filter((one) => !isKnown(one, entries)));
  return json({});
}

function newEntry(given: Entry, project: string): NewEntry {
  const { resource: of, severity, timestamp, logName = '', ...rest } = given;
  if (!new RegExp(`^projects/${project}/logs/[\\w.%-]+$`).test(logName)) {
    throw rpcError('INVALID_ARGUMENT', `logName "${logName}" is not valid.`);
  }
  if (!of) throw rpcError('INVALID_ARGUMENT', 'A monitored resource must be specified.');
  if ((rest.textPayload === undefined) === (rest.jsonPayload === undefined)) {
    throw rpcError('INVALID_ARGUMENT', 'An entry needs one payload.');
  }
  const labels = { project_id: project, ...of.labels };
  return {
    ...rest,
    logName,
    resource: { type: of.type, labels },
    ...(severity === undefined || severity === 'DEFAULT' ? {} : { severity }),
    ...(timestamp === undefined ? {} : { timestamp: checkedTime(timestamp) }),
  };
}

function checkedTime(timestamp: string): string {
  const key = timeKey(timestamp);
  if (typeof key === 'string') return `${key}Z`;
  throw rpcError('INVALID_ARGUMENT', `timestamp "${timestamp}" is no time.`);
}

function isKnown({ insertId, timestamp, logName }: NewEntry, { all }: LogEntries): boolean {
  if (insertId === undefined || timestamp === undefined) return false;
  return all.some(
    (one) => one.insertId === insertId && one.timestamp === timestamp && one.logName === logName,
  );
}
