// What a failure of Google's generated clients says: HTTP status and reason, dug out of where they keep it.
import { z } from 'zod';
import type { CallFailure } from './call.ts';
import { readErrorReply } from './error-reply.ts';

/** Where google-gax leaves the body of an error reply (googleError.js there). */
const RAW_PAYLOAD = Symbol.for('google-gax.rawHttpResponsePayload');

const gaxError = z.object({
  httpStatusCode: z.number().optional(),
  /** A gRPC code; errors of other kinds have none, or a word. */
  code: z.number(),
  message: z.string(),
  reason: z.string().optional(),
});

/** Undefined for what is no failure of a call but a bug. */
export function explainGaxError(error: unknown): CallFailure | undefined {
  if (!(error instanceof Error)) return undefined;
  const parsed = gaxError.safeParse(error);
  if (!parsed.success) return undefined;
  const { httpStatusCode, message, reason } = parsed.data;
  return {
    httpStatus: httpStatusCode,
    reason: reason ?? readErrorReply(Reflect.get(error, RAW_PAYLOAD))?.reason,
    message,
    cause: error,
  };
}
