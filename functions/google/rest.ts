// Google APIs without a client library that is worth its start-up time: one JSON call, with the backend's own
// credentials, bounded, its failure an AppError. iap.ts uses it.
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

/**
 * @param schema of what we need of the answer
 * @throws AppError, also when the answer is not what Google answers
 */
export async function postJson<T>(
  url: string,
  body: unknown,
  schema: z.ZodType<T>,
  options: RestOptions,
): Promise<T> {
  const { name, callSeconds } = options;
  const { status, text } = await boundedCall(
    name,
    callSeconds,
    () => post(url, body, options),
    explain,
  );
  if (status >= 400) {
    const { reason, message = `HTTP ${status}` } = readErrorReply(text) ?? {};
    throw googleError(name, { httpStatus: status, reason, message });
  }
  const parsed = schema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  // A proxy's page, or half an answer: asking again may help.
  throw googleError(name, { httpStatus: 502, message: 'an answer that is not understood' });
}

async function post(
  url: string,
  body: unknown,
  { auth, callSeconds }: RestOptions,
): Promise<{ status: number; text: string }> {
  const token = await (await auth()).getAccessToken();
  const reply = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${token ?? ''}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(callSeconds * 1000),
  });
  return { status: reply.status, text: await reply.text() };
}

/** No answer, from Google or from where credentials come from. */
function explain(error: unknown): CallFailure {
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
