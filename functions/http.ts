// The HTTP edge: finds the route, reads the request, and renders what comes of it, errors too, once. api.ts has the routes.
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { AppError, errorBodyOf, invalidFields } from './errors.ts';
import type { Log } from './log.ts';

export interface ApiRequest {
  headers: IncomingHttpHeaders;
  /** What the route's pattern captured. */
  id: string;
  query: Readonly<Record<string, string>>;
  /** Parsed JSON; `{}` when there is no body. */
  body: () => unknown;
  /** Aborts when the caller has gone. */
  signal: AbortSignal;
}

export interface Route {
  method: 'GET' | 'POST' | 'DELETE';
  /** Its first group, if it has one, is the session's id. */
  pattern: RegExp;
  handle(request: ApiRequest): Promise<object>;
}

/** As the Functions Framework hands it over: the body is read. */
export type FrameworkRequest = IncomingMessage & { rawBody?: Buffer };
export type HttpHandler = (request: FrameworkRequest, response: ServerResponse) => Promise<void>;

const MAX_BODY_BYTES = 1_048_576;

export function createHttpHandler(routes: readonly Route[], log: Log): HttpHandler {
  return async (request, response) => {
    try {
      reply(response, 200, await answer(routes, request, response));
    } catch (error) {
      const body = errorBodyOf(error);
      if (!(error instanceof AppError))
        log.bug(error, { method: request.method, path: pathOf(request) });
      reply(response, body.error.code, body);
    }
  };
}

async function answer(
  routes: readonly Route[],
  request: FrameworkRequest,
  response: ServerResponse,
): Promise<object> {
  const path = pathOf(request);
  const matching = routes.filter(({ pattern }) => pattern.test(path));
  const route = matching.find(({ method }) => method === request.method);
  if (!route) throw noRoute(request.method ?? '', path, matching);
  return await route.handle({
    headers: request.headers,
    id: route.pattern.exec(path)?.[1] ?? '',
    query: queryOf(request),
    body: () => jsonBody(request),
    signal: goneSignal(response),
  });
}

function pathOf({ url = '/' }: IncomingMessage): string {
  return url.split('?', 1)[0] ?? '/';
}

/** @throws AppError when a parameter is given twice: which one is meant? */
function queryOf({ url = '/' }: IncomingMessage): Record<string, string> {
  const start = url.indexOf('?');
  const parameters = [...new URLSearchParams(start < 0 ? '' : url.slice(start))];
  const names = parameters.map(([name]) => name);
  const repeated = names.find((name, index) => names.indexOf(name) !== index);
  if (repeated !== undefined) {
    throw invalidFields([
      { field: repeated.slice(0, 200), description: 'is given more than once' },
    ]);
  }
  return Object.fromEntries(parameters);
}

function jsonBody({ rawBody }: FrameworkRequest): unknown {
  if (rawBody === undefined || rawBody.length === 0) return {};
  if (rawBody.length > MAX_BODY_BYTES) {
    throw invalidFields([
      { field: '', description: `The body is larger than ${MAX_BODY_BYTES} bytes.` },
    ]);
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(rawBody));
  } catch {
    throw invalidFields([{ field: '', description: 'The body is not JSON in UTF-8.' }]);
  }
}

function goneSignal(response: ServerResponse): AbortSignal {
  const gone = new AbortController();
  response.once('close', () => {
    gone.abort();
  });
  return gone.signal;
}

/** As Google's own APIs do, a method that is not there is not found; which ones are is said. */
function noRoute(method: string, path: string, matching: readonly Route[]): AppError {
  const shown = path.slice(0, 200);
  if (matching.length === 0) return new AppError('NOT_FOUND', `There is nothing at ${shown}.`);
  const methods = matching.map((route) => route.method).join(', ');
  return new AppError('NOT_FOUND', `${shown} has no method ${method}; it has ${methods}.`);
}

function reply(response: ServerResponse, status: number, body: object): void {
  if (response.destroyed || response.headersSent) return;
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
  });
  response.end(JSON.stringify(body));
}
