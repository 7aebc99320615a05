// Which headers pass between a front-end and the gateway, and which requests pass at all (pure): the front door's
// rules. server.ts asks for the route, gateway.ts for the headers.
import { STATUS_CODES } from 'node:http';

/** Of one connection, not of the message (RFC 9110, 7.6.1). */
const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

/** The caller's own identity: the gateway knows the agent only. `expect` was answered by the front door. */
const NOT_TO_GATEWAY = new Set([
  ...HOP_BY_HOP,
  'authorization',
  'cookie',
  'expect',
  'host',
  'origin',
  'referer',
  'x-xsrftoken',
  'x-serverless-authorization',
]);

const NOT_TO_CALLER = new Set([...HOP_BY_HOP, 'set-cookie']);

const PASSED_PATHS = /^\/(api\/(kernels|kernelspecs|sessions)|kernelspecs)(\/|$)/;
const EXACT_PATHS = ['/api', '/api/', '/api/status'];
const CHANNEL_PATH = /^\/api\/kernels\/([^/]+)\/channels$/;
const INTERRUPT_PATH = /^\/api\/kernels\/[^/]+\/interrupt$/;
const COLLECTION_PATH = /^\/api\/(kernels|sessions)$/;
const SESSION_PATH = /^\/api\/sessions\/[^/]+$/;
const RESTART_PATH = /^\/api\/kernels\/([^/]+)\/restart$/;

/** What of a request's URL is passed on: the path in normal form, so that `..` leads nowhere, and no token. */
export interface Route {
  /** With the query. */
  path: string;
  /** The kernel whose channels are asked for. */
  channelOf: string | undefined;
  /** The kernel that is to be started anew. */
  restartOf: string | undefined;
  isInterrupt: boolean;
  /** A POST here makes something. */
  isCollection: boolean;
  /** A PATCH here may make a kernel. */
  isNotebookSession: boolean;
}

/** `undefined` for what is not the gateway's business. */
export function routeOf(requestUrl: string): Route | undefined {
  if (!requestUrl.startsWith('/') || !URL.canParse(`http://agent${requestUrl}`)) return undefined;
  const url = new URL(`http://agent${requestUrl}`);
  const { pathname } = url;
  if (!PASSED_PATHS.test(pathname) && !EXACT_PATHS.includes(pathname)) return undefined;
  return {
    path: pathname + withoutToken(url.search),
    channelOf: CHANNEL_PATH.exec(pathname)?.[1],
    restartOf: RESTART_PATH.exec(pathname)?.[1],
    isInterrupt: INTERRUPT_PATH.test(pathname),
    isCollection: COLLECTION_PATH.test(pathname),
    isNotebookSession: SESSION_PATH.test(pathname),
  };
}

/** `rawHeaders` as node:http gives them, name and value in turn; the same shape comes back. */
export function headersToGateway(rawHeaders: readonly string[]): string[] {
  return filterHeaders(rawHeaders, (name) => NOT_TO_GATEWAY.has(name));
}

export function headersToCaller(rawHeaders: readonly string[]): string[] {
  return filterHeaders(
    rawHeaders,
    (name) => NOT_TO_CALLER.has(name) || name.startsWith('access-control-'),
  );
}

/** Less what says how the body came: it is sent anew. */
export function withoutBodyHeaders(rawHeaders: readonly string[]): string[] {
  return filterHeaders(
    rawHeaders,
    (name) => name === 'content-length' || name === 'content-encoding',
  );
}

/** An answer in Jupyter's form, which is what front-ends show. */
export function jsonAnswer(status: number, message: string) {
  const body = JSON.stringify({ message, reason: STATUS_CODES[status] ?? 'Error' });
  const headers: Record<string, string> = {
    'Content-Type': 'application/json',
    'Content-Length': String(Buffer.byteLength(body)),
    'Cache-Control': 'no-store',
  };
  if (status === 503) headers['Retry-After'] = '1';
  return { headers, body };
}

function filterHeaders(
  rawHeaders: readonly string[],
  isDropped: (name: string) => boolean,
): string[] {
  const pairs: [string, string][] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    pairs.push([rawHeaders[index] ?? '', rawHeaders[index + 1] ?? '']);
  }
  // Whatever `Connection` names belongs to the connection as well.
  const named = new Set(
    pairs
      .filter(([name]) => name.toLowerCase() === 'connection')
      .flatMap(([, value]) =>
        value
          .toLowerCase()
          .split(',')
          .map((part) => part.trim()),
      ),
  );
  return pairs
    .filter(([name]) => !named.has(name.toLowerCase()) && !isDropped(name.toLowerCase()))
    .flat();
}

function withoutToken(search: string): string {
  const kept = search
    .slice(1)
    .split('&')
    .filter((part) => part !== '' && !new URLSearchParams(part).has('token'));
  return kept.length > 0 ? `?${kept.join('&')}` : '';
}
