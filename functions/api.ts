// The table of the HTTP API (schemas: contract.ts). A handler calls and answers; nothing else.
import type { IncomingHttpHeaders } from 'node:http';
import { noteReport, registerAgent } from './agents.ts';
import { authenticateInstance, authenticateUser, type CallerDeps } from './caller.ts';
import {
  buildImageRequest,
  connectResponse,
  createSessionRequest,
  emptyRequest,
  extendImageRequest,
  extendSessionRequest,
  getImageQuery,
  getSessionQuery,
  healthResponse,
  image,
  imageLogsQuery,
  listSessionsQuery,
  listSessionsResponse,
  logsResponse,
  openApiDocument,
  registerRequest,
  registerResponse,
  reportRequest,
  reportResponse,
  session,
  sessionLogsQuery,
  type Want,
} from './contract.ts';
import { declare, routeOf, type Declared } from './endpoint.ts';
import type { Route } from './http.ts';
import { buildImage } from './image.ts';
import { showImage } from './image-details.ts';
import { listSessions } from './list.ts';
import type { LogsDeps } from './logs.ts';
import {
  changeWant,
  connectSession,
  createSession,
  extendSession,
  getSession,
  type SessionsDeps,
} from './sessions.ts';
import { VERSION } from './version.ts';

export type ApiDeps = SessionsDeps & CallerDeps & LogsDeps;

const SESSIONS = '/v1/sessions';
const SESSION = `${SESSIONS}/{id}`;

/** @param deps made at the first request that needs them: `/health` does not */
export function createRoutes(deps: () => ApiDeps): Route[] {
  return createEndpoints(deps).map(routeOf);
}

export function createEndpoints(deps: () => ApiDeps): Declared[] {
  const endpoints: Declared[] = [
    declare(anybody, {
      method: 'GET',
      path: '/health',
      operationId: 'health',
      summary: 'Whether the API answers, and its version.',
      caller: 'anybody',
      response: healthResponse,
      handle: () => Promise.resolve({ status: 'ok', version: VERSION }),
    }),
    declare(anybody, {
      method: 'GET',
      path: '/openapi.json',
      operationId: 'openapi',
      summary: 'This document.',
      caller: 'anybody',
      response: openApiDocument,
      handle: async () => {
        const { describeApi } = await import('./openapi.ts');
        return describeApi(endpoints, deps().config.apiUrl);
      },
    }),
    ...sessionEndpoints(deps),
    ...intentEndpoints(deps),
    ...imageEndpoints(deps),
    ...agentEndpoints(deps),
  ];
  return endpoints;
}

function sessionEndpoints(deps: () => ApiDeps): Declared[] {
  const user = (headers: IncomingHttpHeaders) => authenticateUser(headers, deps());
  return [
    declare(user, {
      method: 'POST',
      path: SESSIONS,
      operationId: 'createSession',
      summary: 'Creates a session, or wakes the one of that name; repeating it is safe.',
      caller: 'user',
      body: createSessionRequest,
      response: session,
      handle: (caller, { body }) => createSession(caller, body, deps()),
    }),
    declare(user, {
      method: 'GET',
      path: SESSIONS,
      operationId: 'listSessions',
      summary: 'Your sessions, the oldest first; all sessions for an administrator.',
      caller: 'user',
      query: listSessionsQuery,
      response: listSessionsResponse,
      handle: (caller, { query }) => listSessions(caller, query, deps().store),
    }),
    declare(user, {
      method: 'GET',
      path: SESSION,
      operationId: 'getSession',
      summary: 'One session; with afterRevision as soon as there is something newer.',
      caller: 'user',
      query: getSessionQuery,
      response: session,
      handle: (caller, { id, query, signal }) => getSession(caller, id, query, signal, deps()),
    }),
    declare(user, {
      method: 'POST',
      path: `${SESSION}:connect`,
      operationId: 'connectSession',
      summary: 'The access token of your session, and where to tunnel to.',
      caller: 'user',
      body: emptyRequest,
      response: connectResponse,
      handle: (caller, { id }) => connectSession(caller, id, deps()),
    }),
    declare(user, {
      method: 'GET',
      path: `${SESSION}:logs`,
      operationId: 'getSessionLogs',
      summary: 'What its gateway, its agent or its machine has printed.',
      caller: 'user',
      query: sessionLogsQuery,
      response: logsResponse,
      handle: async (caller, { id, query }) => {
        const { getSessionLogs } = await import('./logs.ts');
        return await getSessionLogs(caller, id, query, deps());
      },
    }),
  ];
}

function intentEndpoints(deps: () => ApiDeps): Declared[] {
  const user = (headers: IncomingHttpHeaders) => authenticateUser(headers, deps());
  const intent = (
    method: 'POST' | 'DELETE',
    path: string,
    operationId: string,
    want: Want,
    summary: string,
  ) =>
    declare(user, {
      method,
      path,
      operationId,
      summary,
      caller: 'user',
      body: emptyRequest,
      takesEtag: true,
      response: session,
      handle: (caller, { id, etag }) => changeWant(caller, id, want, etag, deps()),
    });
  return [
    intent('POST', `${SESSION}:start`, 'startSession', 'running', 'Wakes or boots the instance.'),
    intent(
      'POST',
      `${SESSION}:suspend`,
      'suspendSession',
      'suspended',
      'Suspends it with its memory.',
    ),
    intent(
      'POST',
      `${SESSION}:stop`,
      'stopSession',
      'stopped',
      'Switches it off; the disk is kept.',
    ),
    intent('DELETE', SESSION, 'deleteSession', 'deleted', 'Deletes instance, disk and session.'),
    declare(user, {
      method: 'POST',
      path: `${SESSION}:extend`,
      operationId: 'extendSession',
      summary: 'Keeps it awake, and alive, for so long from now.',
      caller: 'user',
      body: extendSessionRequest,
      takesEtag: true,
      response: session,
      handle: (caller, { id, body, etag }) => extendSession(caller, id, body.seconds, etag, deps()),
    }),
  ];
}

function imageEndpoints(deps: () => ApiDeps): Declared[] {
  const user = (headers: IncomingHttpHeaders) => authenticateUser(headers, deps());
  return [
    declare(user, {
      method: 'GET',
      path: '/v1/image',
      operationId: 'getImage',
      summary: 'The project’s gateway image.',
      caller: 'user',
      query: getImageQuery,
      response: image,
      handle: (caller, { query }) => showImage(caller, query, deps()),
    }),
    declare(user, {
      method: 'POST',
      path: '/v1/image:build',
      operationId: 'buildImage',
      summary: 'Has the gateway image built.',
      caller: 'user',
      body: buildImageRequest,
      response: image,
      handle: (caller, { body }) => buildImage(caller, body, deps()),
    }),
    declare(user, {
      method: 'POST',
      path: '/v1/image:extend',
      operationId: 'extendImage',
      summary: 'Has an image built on top of the gateway image, in its place.',
      caller: 'user',
      body: extendImageRequest,
      response: image,
      handle: async (caller, { body }) => {
        const { extendImage } = await import('./image-extend.ts');
        return await extendImage(caller, body, deps());
      },
    }),
    declare(user, {
      method: 'GET',
      path: '/v1/image:logs',
      operationId: 'getImageLogs',
      summary: 'What the last build of the gateway image has printed.',
      caller: 'user',
      query: imageLogsQuery,
      response: logsResponse,
      handle: async (_, { query }) => {
        const { getImageLogs } = await import('./logs.ts');
        return await getImageLogs(query, deps());
      },
    }),
  ];
}

function agentEndpoints(deps: () => ApiDeps): Declared[] {
  const instance = (headers: IncomingHttpHeaders) => authenticateInstance(headers, deps());
  return [
    declare(instance, {
      method: 'POST',
      path: `${SESSION}:register`,
      operationId: 'registerAgent',
      summary: 'The agent of an instance makes itself known.',
      caller: 'agent',
      body: registerRequest,
      response: registerResponse,
      handle: (claims, { id, body }) => registerAgent(id, claims, body, deps()),
    }),
    declare(instance, {
      method: 'POST',
      path: `${SESSION}:report`,
      operationId: 'reportActivity',
      summary: 'The agent says what its kernels do, and hears whether to sleep.',
      caller: 'agent',
      body: reportRequest,
      response: reportResponse,
      handle: (claims, { id, body }) => noteReport(id, claims, body, deps()),
    }),
  ];
}

function anybody(): Promise<undefined> {
  return Promise.resolve(undefined);
}
