// How an endpoint of the API is declared: once, for the router (http.ts), the parsing, and the OpenAPI document.
import type { IncomingHttpHeaders } from 'node:http';
import type { z } from 'zod';
import { parseRequest } from './errors.ts';
import type { ApiRequest, Route } from './http.ts';

export interface Endpoint<Query extends z.ZodType, Body extends z.ZodType> {
  method: Route['method'];
  /** `{id}` stands for a session's id; `:verb` is a custom method of AIP-136. */
  path: string;
  /** For the OpenAPI document. */
  operationId: string;
  summary: string;
  /** Who may call: those whom api.ts authenticates. */
  caller: 'anybody' | 'user' | 'agent';
  query?: Query;
  body?: Body;
  /** Takes `If-Match` with an etag. */
  takesEtag?: boolean;
  response: z.ZodType;
  handle: (request: ParsedRequest<z.infer<Query>, z.infer<Body>>) => Promise<object>;
}

export interface ParsedRequest<Query, Body> {
  headers: IncomingHttpHeaders;
  id: string;
  query: Query;
  body: Body;
  /** Of `If-Match`. */
  etag: string | undefined;
  signal: AbortSignal;
}

/** Any endpoint, for lists of them. */
export type Declared = Omit<Endpoint<z.ZodType, z.ZodType>, 'handle'> & {
  handle: (request: ApiRequest) => Promise<object>;
};

export const SESSION_ID = '[a-z0-9]{1,63}';

/**
 * @param authenticate runs before anything of the request is parsed: whoever may not call learns nothing of it
 */
export function declare<Caller, Query extends z.ZodType, Body extends z.ZodType>(
  authenticate: (headers: IncomingHttpHeaders) => Promise<Caller>,
  endpoint: Omit<Endpoint<Query, Body>, 'handle'> & {
    handle: (
      caller: Caller,
      request: ParsedRequest<z.infer<Query>, z.infer<Body>>,
    ) => Promise<object>;
  },
): Declared {
  const { query, body, handle, ...rest } = endpoint;
  return {
    ...rest,
    ...(query ? { query } : {}),
    ...(body ? { body } : {}),
    handle: async (request) => {
      const caller = await authenticate(request.headers);
      return await handle(caller, {
        headers: request.headers,
        id: request.id,
        query: parse(query, () => request.query),
        body: parse(body, request.body),
        etag: request.headers['if-match'],
        signal: request.signal,
      });
    },
  };
}

export function routeOf({ method, path, handle }: Declared): Route {
  const pattern = path.replaceAll('.', String.raw`\.`).replace('{id}', `(${SESSION_ID})`);
  return { method, pattern: new RegExp(`^${pattern}$`), handle };
}

/** What an endpoint does not take is not looked at. */
function parse<Schema extends z.ZodType>(
  schema: Schema | undefined,
  read: () => unknown,
): z.infer<Schema> {
  return (schema ? parseRequest(schema, read()) : undefined) as z.infer<Schema>;
}
