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

/**
 * The HTTP statuses of gRPC codes, as google/rpc/code.proto has them, for what came over gRPC. CANCELLED and UNKNOWN are
 * missing: what they say is that there was no answer.
 */
const HTTP_OF_GRPC: Readonly<Record<number, number>> = {
  3: 400, // INVALID_ARGUMENT
  4: 504, // DEADLINE_EXCEEDED
  5: 404, // NOT_FOUND
  6: 409, // ALREADY_EXISTS
  7: 403, // PERMISSION_DENIED
  8: 429, // RESOURCE_EXHAUSTED
  9: 400, // FAILED_PRECONDITION
  10: 409, // ABORTED
  11: 400, // OUT_OF_RANGE
  12: 501, // UNIMPLEMENTED
  13: 500, // INTERNAL
  14: 503, // UNAVAILABLE
  15: 500, // DATA_LOSS
  16: 401, // UNAUTHENTICATED
};

/** The reason that tells this 409 from the other one. */
const GRPC_REASONS: Readonly<Record<number, string>> = { 6: 'alreadyExists' };

/** Undefined for what is no failure of a call but a bug. */
export function explainGaxError(error: unknown): CallFailure | undefined {
  if (!(error instanceof Error)) return undefined;
  const parsed = gaxError.safeParse(error);
  if (!parsed.success) return undefined;
  const { httpStatusCode, code, message, reason } = parsed.data;
  if (httpStatusCode === undefined) {
    const httpStatus = HTTP_OF_GRPC[code];
    return { httpStatus, reason: reason ?? GRPC_REASONS[code], message, cause: error };
  }
  return {
    httpStatus: httpStatusCode,
    reason: reason ?? readErrorReply(Reflect.get(error, RAW_PAYLOAD))?.reason,
    message,
    cause: error,
  };
}
