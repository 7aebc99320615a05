// Calls to the HTTP API. Every call is safe to repeat, so a lost reply or a moment's outage is tried again.
import { setTimeout as delay } from 'node:timers/promises';
import { request, type Dispatcher } from 'undici';
import type { z } from 'zod';
import {
  connectResponse,
  errorBody,
  image,
  listSessionsResponse,
  logsResponse,
  session,
  type ConnectResponse,
  type CreateSessionRequest,
  type ErrorBody,
  type ImageView,
  type LogSource,
  type LogsResponse,
  type SessionView,
} from '../functions/contract.ts';
import { ClientError, messageOf } from './errors.ts';

/** The API's own answer that it will not do what was asked. */
export class ApiError extends ClientError {
  readonly status: ErrorBody['error']['status'];

  constructor(error: ErrorBody['error']) {
    super(error.message);
    this.status = error.status;
  }
}

export interface Api {
  createSession(wanted: Partial<CreateSessionRequest>): Promise<SessionView>;
  /** Answers as soon as the session is newer than `afterRevision`, after `waitSeconds` at the latest. */
  waitForSession(id: string, afterRevision: number, waitSeconds: number): Promise<SessionView>;
  getSession(id: string): Promise<SessionView>;
  listSessions(): Promise<SessionView[]>;
  startSession(id: string): Promise<SessionView>;
  suspendSession(id: string): Promise<SessionView>;
  stopSession(id: string): Promise<SessionView>;
  /** Keeps it awake for so many seconds from now. */
  extendSession(id: string, seconds: number): Promise<SessionView>;
  /** Answers the session as it is being deleted. */
  deleteSession(id: string): Promise<SessionView>;
  connect(id: string): Promise<ConnectResponse>;
  /** The last lines, or what has come since `after`, the `next` of an answer. */
  sessionLogs(id: string, source: LogSource, page: LogPage): Promise<LogsResponse>;
  /** Of the last build of the gateway image. */
  imageLogs(page: LogPage): Promise<LogsResponse>;
  getImage(): Promise<ImageView>;
  buildImage(wanted: { force: boolean }): Promise<ImageView>;
}

export interface LogPage {
  limit?: number;
  after?: string;
}

export interface ApiOptions {
  url: string;
  idToken: () => Promise<string>;
  signal: AbortSignal;
}

const RETRIES = 5;
const TIMEOUT_SECONDS = 60;

export function createApi(options: ApiOptions): Api {
  const call = <T>(
    method: Dispatcher.HttpMethod,
    path: string,
    schema: z.ZodType<T>,
    body?: object,
  ) => callWithRetries(options, { method, path, body }, schema);
  const of = (id: string) => `/v1/sessions/${encodeURIComponent(id)}`;
  return {
    createSession: (wanted) => call('POST', '/v1/sessions', session, wanted),
    waitForSession: (id, afterRevision, waitSeconds) =>
      call('GET', `${of(id)}?afterRevision=${afterRevision}&waitSeconds=${waitSeconds}`, session),
    getSession: (id) => call('GET', of(id), session),
    listSessions: async () => {
      const sessions: SessionView[] = [];
      let page = '';
      do {
        const answer = await call('GET', `/v1/sessions?pageSize=100${page}`, listSessionsResponse);
        sessions.push(...answer.sessions);
        page = answer.nextPageToken ? `&pageToken=${encodeURIComponent(answer.nextPageToken)}` : '';
      } while (page);
      return sessions;
    },
    startSession: (id) => call('POST', `${of(id)}:start`, session),
    suspendSession: (id) => call('POST', `${of(id)}:suspend`, session),
    extendSession: (id, seconds) => call('POST', `${of(id)}:extend`, session, { seconds }),
    stopSession: (id) => call('POST', `${of(id)}:stop`, session),
    deleteSession: (id) => call('DELETE', of(id), session),
    connect: (id) => call('POST', `${of(id)}:connect`, connectResponse),
    sessionLogs: (id, source, page) =>
      call('GET', `${of(id)}:logs?${queryOf({ source, ...page })}`, logsResponse),
    imageLogs: (page) => call('GET', `/v1/image:logs?${queryOf(page)}`, logsResponse),
    getImage: () => call('GET', '/v1/image', image),
    buildImage: (wanted) => call('POST', '/v1/image:build', image, wanted),
  };
}

function queryOf(values: object): string {
  const texts = Object.entries(values).map(([name, value]) => [name, String(value)]);
  return new URLSearchParams(Object.fromEntries(texts) as Record<string, string>).toString();
}

interface Call {
  method: Dispatcher.HttpMethod;
  path: string;
  body?: object | undefined;
}

async function callWithRetries<T>(
  options: ApiOptions,
  call: Call,
  schema: z.ZodType<T>,
): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return understood(await callOnce(options, call), schema, options.url);
    } catch (error) {
      options.signal.throwIfAborted();
      if (attempt >= RETRIES || !isWorthRepeating(error)) throw explained(error, options.url);
      const milliseconds = Math.min(200 * 2 ** attempt, 5000) * (0.5 + Math.random());
      await delay(milliseconds, undefined, { signal: options.signal });
    }
  }
}

async function callOnce(options: ApiOptions, { method, path, body }: Call): Promise<unknown> {
  const token = await options.idToken();
  const timeout = AbortSignal.timeout(TIMEOUT_SECONDS * 1000);
  const reply = await request(options.url + path, {
    method,
    headers: {
      // The platform takes the signature out of a token that it has checked itself, so it comes twice.
      authorization: `Bearer ${token}`,
      'x-serverless-authorization': `Bearer ${token}`,
      'content-type': 'application/json',
    },
    ...(method === 'POST' ? { body: JSON.stringify(body ?? {}) } : {}),
    signal: AbortSignal.any([options.signal, timeout]),
  });
  const content = await reply.body.text();
  const value = parseJson(content, reply.statusCode, options.url);
  if (reply.statusCode < 400) return value;
  const failure = errorBody.safeParse(value);
  if (failure.success) throw new ApiError(failure.data.error);
  throw notOurApi(reply.statusCode, options.url);
}

function parseJson(text: string, status: number, url: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw notOurApi(status, url);
  }
}

function understood<T>(value: unknown, schema: z.ZodType<T>, url: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const field = parsed.error.issues[0]?.path.join('.') ?? '';
  throw new ClientError(
    `${url} answered what this client does not understand (${field}): use the client of the backend's version.`,
  );
}

/** What the platform in front of the API says in its own words when it has no room or is in trouble. */
const PASSING_STATUSES = [429, 502, 503, 504];

function notOurApi(status: number, url: string): Error {
  if (PASSING_STATUSES.includes(status)) return new Error(`HTTP ${status}`);
  return new ClientError(
    `${url} answered with HTTP ${status} and something that is not the Datalab API's; ` +
      'check the URL, and whether a proxy stands in between.',
  );
}

/** RESOURCE_EXHAUSTED: a quota that does not come back by itself is told in the session, not as the API's own refusal. */
const PASSING_CODES: readonly ErrorBody['error']['status'][] = [
  'UNAVAILABLE',
  'ABORTED',
  'INTERNAL',
  'RESOURCE_EXHAUSTED',
];

function isWorthRepeating(error: unknown): boolean {
  if (error instanceof ApiError) {
    return PASSING_CODES.includes(error.status);
  }
  return !(error instanceof ClientError);
}

function explained(error: unknown, url: string): unknown {
  if (error instanceof ClientError) return error;
  return new ClientError(`The Datalab API at ${url} cannot be reached: ${messageOf(error)}`);
}
