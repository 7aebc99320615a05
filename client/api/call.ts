// One call to the HTTP API: again when the connection was lost, the platform is in trouble or wants it slower; with
// another token when that is refused. What it comes to when all is in vain, failures.ts says.
import { setTimeout as delay } from 'node:timers/promises';
import { request, type Dispatcher } from 'undici';
import type { z } from 'zod';
import type { ErrorBody } from '../../functions/contract.ts';
import { ApiError, ForeignAnswer, readAnswer, UnknownShape } from './answer.ts';
import { ClientError } from '../errors.ts';
import { isPassing } from './network-failures.ts';

export interface ApiOptions {
  url: string;
  idToken: () => Promise<string>;
  /** This token was refused. */
  forget?: (token: string) => void;
  signal: AbortSignal;
  /** A proxy's, say. */
  dispatcher?: Dispatcher | undefined;
  /** What failures are told with. */
  place?: ApiPlace;
}

export interface ApiPlace {
  /** Where the URL comes from, such as `DATALAB_API_URL`. */
  urlOrigin?: string | undefined;
  project?: string | undefined;
  region?: string | undefined;
  /** What signs in again. */
  signInCommand?: string;
  /** The wall clock. */
  now?: () => number;
}

export interface ApiCall {
  method: Dispatcher.HttpMethod;
  path: string;
  body?: object | undefined;
}

const RETRIES = 5;
const TIMEOUT_SECONDS = 60;

/** @throws ApiError; ClientError with cause and next step */
export async function callApi<T>(
  options: ApiOptions,
  call: ApiCall,
  schema: z.ZodType<T>,
): Promise<T> {
  let isRenewed = false;
  for (let attempt = 0; ; attempt += 1) {
    const token = await options.idToken();
    try {
      return await callOnce(options, call, schema, token);
    } catch (error) {
      options.signal.throwIfAborted();
      if (isTokenRefused(error) && options.forget && !isRenewed) {
        isRenewed = true;
        options.forget(token);
        continue;
      }
      if (attempt >= RETRIES || !isWorthRepeating(error)) {
        const { explain } = await import('./failures.ts');
        throw await explain(error, options, token);
      }
      const milliseconds = Math.min(200 * 2 ** attempt, 5000) * (0.5 + Math.random());
      await delay(milliseconds, undefined, { signal: options.signal });
    }
  }
}

async function callOnce<T>(
  options: ApiOptions,
  { method, path, body }: ApiCall,
  schema: z.ZodType<T>,
  token: string,
): Promise<T> {
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
    ...(options.dispatcher ? { dispatcher: options.dispatcher } : {}),
  });
  return await readAnswer(reply, schema);
}

/** By the API, or by the platform in front of it. */
function isTokenRefused(error: unknown): boolean {
  if (error instanceof ApiError) return error.status === 'UNAUTHENTICATED';
  return error instanceof ForeignAnswer && error.status === 401;
}

/** What the platform in front of the API says in its own words when it has no room or is in trouble. */
const PASSING_STATUSES = [429, 500, 502, 503, 504];

/** RESOURCE_EXHAUSTED: a quota that does not come back by itself is told in the session, not as the API's own refusal. */
const PASSING_CODES: readonly ErrorBody['error']['status'][] = [
  'UNAVAILABLE',
  'ABORTED',
  'INTERNAL',
  'RESOURCE_EXHAUSTED',
];

function isWorthRepeating(error: unknown): boolean {
  if (error instanceof ApiError) return PASSING_CODES.includes(error.status);
  if (error instanceof ForeignAnswer) return PASSING_STATUSES.includes(error.status);
  return !(error instanceof UnknownShape || error instanceof ClientError) && isPassing(error);
}
