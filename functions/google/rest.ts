// Google APIs without a client library that is worth its start-up time, or that knows the fields we need: one JSON call,
// with the backend's own credentials, bounded, its failure an AppError. Used by cloudbuild.ts, logging.ts, iap.ts.
import type { GoogleAuth } from 'google-auth-library';
import type { z } from 'zod';
import { boundedCall, googleError, type CallFailure } from './call.ts';
import { readErrorReply } from './error-reply.ts';

export interface RestOptions {
  /** Of the Google service, for messages. */
  name: string;
  callSeconds: number;
  auth: () => Promise<GoogleAuth>;
}

export interface RestCall {
  method: 'GET' | 'POST';
  url: string;
  /** Sent as JSON. */
  body?: unknown;
}

/**
 * @param schema of what we need of the answer
 * @throws AppError, also when the answer is not what Google answers
 */
export async function callJson<T>(
  call: RestCall,
  schema: z.ZodType<T>,
  options: RestOptions,
): Promise<T> {
  const { name, callSeconds } = options;
  const sent = (signal: AbortSignal) => send(call, options, signal);
  const reply = await boundedCall(name, callSeconds, sent, explainNoAnswer);
  const { status, text } = reply;
  if (status >= 400) {
    const { reason, message = `HTTP ${status}` } = readErrorReply(text) ?? {};
    throw googleError(name, { httpStatus: status, reason, message });
  }
  const parsed = schema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  // A proxy's page, or half an answer: asking again may help.
  throw googleError(name, { httpStatus: 502, message: 'an answer that is not understood' });
}

async function send(
  { method, url, body }: RestCall,
  { auth }: RestOptions,
  signal: AbortSignal,
): Promise<{ status: number; text: string }> {
  const token = await (await auth()).getAccessToken();
  const reply = await fetch(url, {
    method,
    headers: {
      authorization: `Bearer ${token ?? ''}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal,
  });
  return { status: reply.status, text: await reply.text() };
}

/** From Google, or from where credentials come from. */
export function explainNoAnswer(error: unknown): CallFailure {
  const { cause } = error instanceof Error ? error : {};
  const reason = cause instanceof Error ? cause : error;
  return { message: reason instanceof Error ? reason.message : 'no answer', cause: error };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
