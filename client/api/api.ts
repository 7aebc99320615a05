// The HTTP API's methods, as the client calls them. call.ts does the calling; every call is safe to repeat.
import type { Dispatcher } from 'undici';
import type { z } from 'zod';
import {
  connectResponse,
  image,
  listSessionsResponse,
  logsResponse,
  session,
  type ConnectResponse,
  type CreateSessionRequest,
  type ExtendImageRequest,
  type ImageView,
  type LogSource,
  type LogsResponse,
  type SessionView,
} from '../../functions/contract.ts';
import { callApi, type ApiOptions } from './call.ts';

export { ApiError } from './answer.ts';

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
  /** `FULL` also tells size, age and users. */
  getImage(view?: 'FULL'): Promise<ImageView>;
  buildImage(wanted: { force: boolean }): Promise<ImageView>;
  extendImage(wanted: ExtendImageRequest): Promise<ImageView>;
}

export interface LogPage {
  limit?: number;
  after?: string;
}

export function createApi(options: ApiOptions): Api {
  const call = <T>(
    method: Dispatcher.HttpMethod,
    path: string,
    schema: z.ZodType<T>,
    body?: object,
  ) => callApi(options, { method, path, body }, schema);
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
    getImage: (view) => call('GET', view ? `/v1/image?view=${view}` : '/v1/image', image),
    buildImage: (wanted) => call('POST', '/v1/image:build', image, wanted),
    extendImage: (wanted) => call('POST', '/v1/image:extend', image, wanted),
  };
}

function queryOf(values: object): string {
  const texts = Object.entries(values).map(([name, value]) => [name, String(value)]);
  return new URLSearchParams(Object.fromEntries(texts) as Record<string, string>).toString();
}
