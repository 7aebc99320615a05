// One router for all emulated APIs: finds the route, runs its handler, renders errors the way Google does.
// What no route takes is refused and logged, since an emulator that silently accepts is worse than none.
import { createReadStream } from 'node:fs';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { OperationFault } from './faults/operation-fault.ts';
import { GoogleError, renderGoogleError } from './google-error.ts';

export interface Call {
  method: string;
  /** Without the query; still percent-encoded. */
  path: string;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  body: Buffer;
  /** The body of a call that the listener does not read: large, and for the handler to take as it comes. */
  stream?: AsyncIterable<Buffer>;
  /** A fault that somebody asked for (faults/): the call is taken, and the operation that it begins fails. */
  operationFault?: OperationFault;
}

/** The body of a reply that is too large for memory. */
export class FileBody {
  readonly file: string;
  readonly size: number;

  constructor(file: string, size: number) {
    this.file = file;
    this.size = size;
  }
}

/** Thrown by a handler or a fault: the connection is dropped without an answer. */
export class LostConnection extends Error {
  override name = 'LostConnection';
}

export interface Reply {
  status: number;
  headers?: Record<string, string>;
  /** A string, bytes or a FileBody as they are; anything else as JSON. */
  body?: unknown;
}

/** What `:name` (one segment) and `*name` (one or more) of the route's path stand for. */
export type Params = Readonly<Record<string, string>>;

export interface Route {
  method: string;
  path: string;
  handle: (call: Call, params: Params) => Reply | Promise<Reply>;
}

export type Dispatch = (call: Call) => Promise<Reply>;
export type Log = (line: string) => void;

const MAX_BODY_BYTES = 16 * 1024 * 1024;

export function createRouter(routes: readonly Route[], log: Log): Dispatch {
  const compiled = routes.map((route) => ({ route, pattern: compile(route.path) }));
  return async (call) => {
    try {
      for (const { route, pattern } of compiled) {
        const match = route.method === call.method ? pattern.exec(call.path) : null;
        if (match) return await route.handle(call, decode(match.groups ?? {}));
      }
      log(`not emulated: ${call.method} ${call.path}`);
      return jsonError(new GoogleError(404, 'notFound', 'Not Found'));
    } catch (error) {
      if (error instanceof LostConnection) throw error;
      if (error instanceof GoogleError) return jsonError(error);
      log(`bug in the emulator: ${call.method} ${call.path}: ${describe(error)}`);
      return jsonError(
        new GoogleError(500, 'backendError', 'Internal error of the emulator; see its log.'),
      );
    }
  };
}

export function json(body: unknown, status = 200): Reply {
  return { status, body };
}

/** Which calls have a body that is not read before they are dispatched. */
export type IsStreamed = (method: string, path: string) => boolean;

/** Answers requests of node:http with a router. */
export function createListener(dispatch: Dispatch, isStreamed: IsStreamed = () => false) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    answer(request, response, dispatch, isStreamed).catch(() => {
      response.destroy();
    });
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  dispatch: Dispatch,
  isStreamed: IsStreamed,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://emulator');
  const method = request.method ?? 'GET';
  const stream = isStreamed(method, url.pathname) ? request : undefined;
  const body = stream ? Buffer.alloc(0) : await readBody(request);
  const reply =
    body === undefined
      ? jsonError(new GoogleError(413, 'uploadTooLarge', 'The request is too large.'))
      : await dispatch({
          method,
          path: url.pathname,
          query: url.searchParams,
          headers: request.headers,
          body,
          ...(stream ? { stream } : {}),
        });
  // What nobody has taken of it would keep the connection from its next call.
  stream?.resume();
  await send(reply, method, response);
}

async function send(reply: Reply, method: string, response: ServerResponse): Promise<void> {
  if (reply.body instanceof FileBody) {
    const { file, size } = reply.body;
    response.writeHead(reply.status, { 'content-length': String(size), ...reply.headers });
    if (method === 'HEAD') response.end();
    else await pipeline(createReadStream(file), response);
    return;
  }
  const { headers, content } = render(reply);
  response.writeHead(reply.status, headers);
  response.end(method === 'HEAD' ? undefined : content);
}

export function render(reply: Reply): { headers: Record<string, string>; content: Buffer } {
  const isRaw = typeof reply.body === 'string' || Buffer.isBuffer(reply.body);
  const text = isRaw ? (reply.body as string | Buffer) : JSON.stringify(reply.body ?? '', null, 2);
  const content = Buffer.isBuffer(text) ? text : Buffer.from(reply.body === undefined ? '' : text);
  return {
    headers: {
      ...(isRaw || reply.body === undefined
        ? {}
        : { 'content-type': 'application/json; charset=UTF-8' }),
      'content-length': String(content.length),
      ...reply.headers,
    },
    content,
  };
}

function jsonError(error: GoogleError): Reply {
  return {
    status: error.code,
    headers: error.extras.headers ?? {},
    body: renderGoogleError(error),
  };
}

async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function compile(path: string): RegExp {
  const segments = path.split('/').map((segment) => {
    if (segment.startsWith(':')) return compileParameter(segment.slice(1));
    if (segment.startsWith('*')) return `(?<${segment.slice(1)}>.+)`;
    return segment.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  });
  return new RegExp(`^${segments.join('/')}$`);
}

/** `name`, or `name:verb` for a custom method (AIP-136). */
function compileParameter(parameter: string): string {
  const [name = '', verb] = parameter.split(':');
  return verb === undefined ? `(?<${name}>[^/]+)` : `(?<${name}>[^/:]+):${verb}`;
}

function decode(groups: Record<string, string | undefined>): Params {
  try {
    const entries = Object.entries(groups).map(
      ([name, value]) => [name, decodeURIComponent(value ?? '')] as const,
    );
    return Object.fromEntries(entries);
  } catch {
    throw new GoogleError(400, 'invalid', 'The path is not valid percent-encoding.');
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
