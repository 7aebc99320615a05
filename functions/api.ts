// The route table of the HTTP API (see contract.ts). A handler parses, calls and answers; nothing else.
import { noteReport, registerAgent } from './agents.ts';
import { authenticateInstance, authenticateUser, type CallerDeps, type User } from './caller.ts';
import {
  createSessionRequest,
  emptyRequest,
  getSessionQuery,
  listSessionsQuery,
  registerRequest,
  reportRequest,
  type Want,
} from './contract.ts';
import { parseRequest } from './errors.ts';
import type { ApiRequest, Route } from './http.ts';
import { listSessions } from './list.ts';
import {
  changeWant,
  connectSession,
  createSession,
  getSession,
  type SessionsDeps,
} from './sessions.ts';

export type ApiDeps = SessionsDeps & CallerDeps;

const SESSIONS = /^\/v1\/sessions$/;
const SESSION = /^\/v1\/sessions\/([a-z0-9]{1,63})$/;

/** A method of AIP-136: `/v1/sessions/{id}:verb`. */
function verb(name: string): RegExp {
  return new RegExp(`^/v1/sessions/([a-z0-9]{1,63}):${name}$`);
}

/** @param deps made at the first request that needs them: `/health` does not */
export function createRoutes(deps: () => ApiDeps): Route[] {
  const user = (request: ApiRequest) => authenticateUser(request.headers, deps());
  return [
    { method: 'GET', pattern: /^\/health$/, handle: () => Promise.resolve({ status: 'ok' }) },
    {
      method: 'POST',
      pattern: SESSIONS,
      handle: async (request) => {
        const caller = await user(request);
        const wanted = parseRequest(createSessionRequest, request.body());
        return await createSession(caller, wanted, deps());
      },
    },
    {
      method: 'GET',
      pattern: SESSIONS,
      handle: async (request) => {
        const caller = await user(request);
        const query = parseRequest(listSessionsQuery, request.query);
        return await listSessions(caller, query, deps().store);
      },
    },
    {
      method: 'GET',
      pattern: SESSION,
      handle: async (request) => {
        const caller = await user(request);
        const query = parseRequest(getSessionQuery, request.query);
        return await getSession(caller, request.id, query, request.signal, deps());
      },
    },
    wantRoute('DELETE', SESSION, 'deleted', user, deps),
    wantRoute('POST', verb('start'), 'running', user, deps),
    wantRoute('POST', verb('stop'), 'stopped', user, deps),
    {
      method: 'POST',
      pattern: verb('connect'),
      handle: async (request) => {
        const caller = await user(request);
        parseRequest(emptyRequest, request.body());
        return await connectSession(caller, request.id, deps());
      },
    },
    ...agentRoutes(deps),
  ];
}

function wantRoute(
  method: Route['method'],
  pattern: RegExp,
  want: Want,
  user: (request: ApiRequest) => Promise<User>,
  deps: () => ApiDeps,
): Route {
  return {
    method,
    pattern,
    handle: async (request) => {
      const caller = await user(request);
      parseRequest(emptyRequest, request.body());
      return await changeWant(caller, request.id, want, deps());
    },
  };
}

function agentRoutes(deps: () => ApiDeps): Route[] {
  return [
    {
      method: 'POST',
      pattern: verb('register'),
      handle: async (request) => {
        const instance = await authenticateInstance(request.headers, deps());
        const registration = parseRequest(registerRequest, request.body());
        return await registerAgent(request.id, instance, registration, deps());
      },
    },
    {
      method: 'POST',
      pattern: verb('report'),
      handle: async (request) => {
        const instance = await authenticateInstance(request.headers, deps());
        const report = parseRequest(reportRequest, request.body());
        return await noteReport(request.id, instance, report, deps());
      },
    },
  ];
}
