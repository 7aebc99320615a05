// Cloud Logging: the entries that a build, or a container of an instance, has left there. One call of its REST API;
// Google's client for it would load a second copy of gRPC and a hundred files for that.
import type { GoogleAuth } from 'google-auth-library';
import { z } from 'zod';
import type { BuildLog } from '../image-reconcile.ts';
import { cleanLine } from '../log-text.ts';
import { callJson } from './rest.ts';

export type EntriesOf =
  { kind: 'build'; buildId: string } | { kind: 'container'; instanceId: string; container: string };

export interface EntriesQuery {
  of: EntriesOf;
  order: 'oldest first' | 'newest first';
  count: number;
  /** When Cloud Logging received them: after the one, not after the other; ms since the epoch. */
  receivedAfter?: number | undefined;
  receivedUntil?: number | undefined;
  /** When they were written, as RFC 3339. It also tells Cloud Logging where not to search. */
  notBefore?: string | undefined;
}

export interface FoundEntries {
  /** At most as many as were asked for. */
  entries: { timestamp: string; text: string }[];
  /** There may be more. */
  isMore: boolean;
}

export interface LogEntries {
  list(query: EntriesQuery): Promise<FoundEntries>;
}

export interface LoggingConfig {
  readonly projectId: string;
  readonly loggingUrl: string;
  readonly callSeconds: number;
}

const MAX_PAGE = 1000;
/** A page may be empty and still have a next one. Each is a call, of which a project has 60 a minute. */
const MAX_PAGES = 4;

const listReply = z.object({
  entries: z
    .array(
      z.object({
        timestamp: z.string(),
        textPayload: z.string().optional(),
        jsonPayload: z.record(z.string(), z.unknown()).optional(),
      }),
    )
    .optional(),
  nextPageToken: z.string().optional(),
});
type Entry = NonNullable<z.infer<typeof listReply>['entries']>[number];

export function createLogEntries(
  config: LoggingConfig,
  auth: () => Promise<GoogleAuth>,
): LogEntries {
  const options = { name: 'Cloud Logging', callSeconds: config.callSeconds, auth };
  const url = `${config.loggingUrl}/v2/entries:list`;
  return {
    list: async (query) => {
      const found: Entry[] = [];
      const request = requestOf(query, config.projectId);
      let pageToken: string | undefined;
      for (let page = 0; page < MAX_PAGES && found.length < query.count; page += 1) {
        const pageSize = Math.min(query.count - found.length, MAX_PAGE);
        const call = { method: 'POST', url, body: { ...request, pageSize, pageToken } } as const;
        const reply = await callJson(call, listReply, options);
        found.push(...(reply.entries ?? []));
        pageToken = reply.nextPageToken;
        if (!pageToken) break;
      }
      const entries = found
        .slice(0, query.count)
        .map((entry) => ({ timestamp: entry.timestamp, text: cleanLine(textOf(entry)) }));
      return { entries, isMore: Boolean(pageToken) || found.length > query.count };
    },
  };
}

const MAX_BUILD_LINES = 200;
const MAX_BUILD_LINE_CHARACTERS = 500;

/** Why a build has failed, for the people who wait for it. */
export function createBuildLog(entries: LogEntries): BuildLog {
  return {
    lastLines: async (buildId, wanted) => {
      const count = Math.min(wanted, MAX_BUILD_LINES);
      const of = { kind: 'build', buildId } as const;
      const found = await entries.list({ of, order: 'newest first', count });
      return found.entries.map(({ text }) => cleanLine(text, MAX_BUILD_LINE_CHARACTERS)).reverse();
    },
  };
}

function requestOf({ of, order, ...bounds }: EntriesQuery, projectId: string) {
  const name = `projects/${projectId}`;
  const { receivedAfter, receivedUntil, notBefore } = bounds;
  const time = (at: number) => new Date(at).toISOString();
  const filter = [
    ...filterOf(of, name),
    ...(notBefore === undefined ? [] : [`timestamp>="${notBefore}"`]),
    ...(receivedAfter === undefined ? [] : [`receiveTimestamp>"${time(receivedAfter)}"`]),
    ...(receivedUntil === undefined ? [] : [`receiveTimestamp<="${time(receivedUntil)}"`]),
  ].join(' AND ');
  const orderBy = order === 'newest first' ? 'timestamp desc' : 'timestamp asc';
  return { resourceNames: [name], filter, orderBy };
}

/** Container-Optimized OS sends what containers print under this name, once the instance's metadata asks for it. */
function filterOf(of: EntriesOf, name: string): string[] {
  if (of.kind === 'build') {
    return [
      `logName="${name}/logs/cloudbuild"`,
      'resource.type="build"',
      `resource.labels.build_id="${of.buildId}"`,
    ];
  }
  return [
    `logName="${name}/logs/cos_containers"`,
    'resource.type="gce_instance"',
    `resource.labels.instance_id="${of.instanceId}"`,
    `jsonPayload."cos.googleapis.com/container_name"="${of.container}"`,
  ];
}

/** A line that was JSON comes parsed: as `message`, or, from other versions, as fields beside Google's own. */
function textOf({ textPayload, jsonPayload = {} }: Entry): string {
  if (textPayload !== undefined) return textPayload;
  const { message } = jsonPayload;
  if (typeof message === 'string') return message;
  if (message !== undefined) return JSON.stringify(message);
  const own = Object.entries(jsonPayload).filter(([name]) => !/^_|googleapis\.com\//.test(name));
  return own.length === 0 ? '' : JSON.stringify(Object.fromEntries(own));
}
