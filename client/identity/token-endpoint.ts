// Google's token endpoint: a form goes there, tokens come back. What user-file.ts, service-account.ts and impersonated.ts
// have in common.
import { setTimeout as delay } from 'node:timers/promises';
import { request, type Dispatcher } from 'undici';
import { z } from 'zod';
import { ClientError } from '../errors.ts';
import { isPassing, whyUnreachable } from '../api/network-failures.ts';

export interface Line {
  /** The wall clock. */
  now: () => number;
  signal: AbortSignal;
  /** A proxy's, say. */
  dispatcher?: Dispatcher | undefined;
}

/** An answer that is none of 200, in Google's words; never what was sent. */
export class TokenRefusal extends Error {
  override readonly name = 'TokenRefusal';
  /** `invalid_grant`, or `HTTP 403` where there is none. */
  readonly code: string;
  /** When it was answered, on the clock of who answered. */
  readonly answeredAt: number | undefined;

  constructor(code: string, description: string, answeredAt: number | undefined) {
    super(description === '' ? code : `${code}: ${description}`);
    this.code = code;
    this.answeredAt = answeredAt;
  }
}

export const tokenAnswer = z.object({
  access_token: z.string().optional(),
  id_token: z.string().optional(),
  expires_in: z.number().optional(),
});

/** Google's two ways of saying why not. */
const refusal = z.union([
  z.object({ error: z.string(), error_description: z.string().default('') }),
  z.object({ error: z.object({ status: z.string(), message: z.string() }) }),
]);

export interface Question {
  url: string;
  headers?: Record<string, string>;
  body: string;
}

const TRIES = 4;
const TIMEOUT_MILLISECONDS = 15_000;

export function formOf(fields: Record<string, string>): Pick<Question, 'headers' | 'body'> {
  return {
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(fields).toString(),
  };
}

/**
 * Asked again while it is in trouble or out of reach.
 * @throws TokenRefusal; ClientError when there is no answer that counts
 */
export async function ask<T>(question: Question, schema: z.ZodType<T>, line: Line): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await askOnce(question, schema, line);
    } catch (error) {
      line.signal.throwIfAborted();
      if (error instanceof TokenRefusal || error instanceof ClientError) throw error;
      if (attempt >= TRIES || !isPassing(error)) {
        const { host } = new URL(question.url);
        throw new ClientError(
          `Google's sign-in at ${host} cannot be reached: ${whyUnreachable(error, line.now())}. ` +
            'Check the network and HTTPS_PROXY, then try again.',
        );
      }
      await delay(200 * 2 ** attempt, undefined, { signal: line.signal });
    }
  }
}

async function askOnce<T>(question: Question, schema: z.ZodType<T>, line: Line): Promise<T> {
  const { url, headers = {}, body } = question;
  const timeout = AbortSignal.timeout(TIMEOUT_MILLISECONDS);
  const reply = await request(url, {
    method: 'POST',
    headers,
    body,
    signal: AbortSignal.any([line.signal, timeout]),
    ...(line.dispatcher ? { dispatcher: line.dispatcher } : {}),
  });
  const { statusCode } = reply;
  const value = parseJson(await reply.body.text());
  if (statusCode === 429 || statusCode >= 500) throw new Error(`HTTP ${statusCode}`);
  if (statusCode !== 200) throw refusalOf(statusCode, value, reply.headers['date']);
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new ClientError(
    `${new URL(url).host} answered something that is not Google's sign-in: does a proxy stand in between?`,
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function refusalOf(
  status: number,
  value: unknown,
  date: string | string[] | undefined,
): TokenRefusal {
  const answeredAt = Date.parse(String(date));
  const at = Number.isNaN(answeredAt) ? undefined : answeredAt;
  const parsed = refusal.safeParse(value);
  if (!parsed.success) return new TokenRefusal(`HTTP ${status}`, '', at);
  if ('error_description' in parsed.data) {
    return new TokenRefusal(parsed.data.error, parsed.data.error_description, at);
  }
  const { error } = parsed.data;
  return new TokenRefusal(error.status, error.message, at);
}

/** exp - iat of an ID token: by one and the same clock, whichever that is. */
export function lifetimeOf(idToken: string): number {
  const { exp = 0, iat = 0 } = claimsOf(idToken);
  return Math.max(0, exp - iat);
}

const claims = z.object({
  exp: z.number().optional(),
  iat: z.number().optional(),
  email: z.string().optional(),
});

/** What an ID token says, unverified: for our own bookkeeping and messages. Empty for what is none. */
export function claimsOf(idToken: string): z.infer<typeof claims> {
  const body = Buffer.from(idToken.split('.')[1] ?? '', 'base64url').toString();
  return claims.safeParse(parseJson(body)).data ?? {};
}
