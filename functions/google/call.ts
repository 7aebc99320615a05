// Every call to Google goes through `boundedCall`: it ends in time, and what it throws is an AppError, told by status
// and reason, never by message text.
import { setTimeout as delay } from 'node:timers/promises';
import type { ErrorCode } from '../contract.ts';
import { AppError } from '../errors.ts';

/** What is known of a failed call, whichever client made it. */
export interface CallFailure {
  /** Undefined: there was no answer. */
  httpStatus?: number | undefined;
  /** Google's word, such as `quotaExceeded`. */
  reason?: string | undefined;
  /** Google's text, for people. */
  message: string;
  cause?: unknown;
}

/**
 * @param name of the Google service, for the message
 * @param call its signal aborts when it is given up: what has not been sent by then must not be sent after all
 */
export async function boundedCall<T>(
  name: string,
  seconds: number,
  call: (signal: AbortSignal) => Promise<T>,
  explain: (error: unknown) => CallFailure | undefined,
): Promise<T> {
  const timer = new AbortController();
  const givenUp = new AbortController();
  const timeout = delay(seconds * 1000, undefined, { signal: timer.signal, ref: false }).then(
    () => {
      givenUp.abort();
      throw googleError(name, { message: `no answer within ${seconds} s` });
    },
  );
  // When the call has won, nobody waits for this one any more.
  timeout.catch(() => undefined);
  try {
    return await Promise.race([call(givenUp.signal), timeout]);
  } catch (error) {
    if (error instanceof AppError) throw error;
    const failure = explain(error);
    throw failure ? googleError(name, failure) : error;
  } finally {
    timer.abort();
  }
}

export function googleError(name: string, failure: CallFailure): AppError {
  const [code, isRetryable] = judge(failure);
  const what = `${name}: ${failure.message.slice(0, 600)}`;
  const message = code === 'PERMISSION_DENIED' ? `${what} ${ASK_ADMINISTRATOR}` : what;
  return new AppError(code, message, { isRetryable, cause: failure.cause });
}

/** Limits of the rate of calls: they pass by themselves. */
const RATE_REASONS = [
  'rateLimitExceeded',
  'userRateLimitExceeded',
  'concurrentLimitExceeded',
  'RATE_LIMIT_EXCEEDED',
];
const QUOTA_REASONS = ['quotaExceeded', 'QUOTA_EXCEEDED'];
const ASK_ADMINISTRATOR =
  '(The account of the Datalab backend is not allowed to do this: ask its administrator.)';

function judge({ httpStatus, reason = '' }: CallFailure): [ErrorCode, boolean] {
  if (RATE_REASONS.includes(reason)) return ['RESOURCE_EXHAUSTED', true];
  if (QUOTA_REASONS.includes(reason)) return ['RESOURCE_EXHAUSTED', false];
  if (reason === 'resourceNotReady') return ['FAILED_PRECONDITION', true];
  if (httpStatus === undefined || httpStatus >= 500) return ['UNAVAILABLE', true];
  switch (httpStatus) {
    case 404:
      return ['NOT_FOUND', false];
    case 409:
      return reason === 'alreadyExists' ? ['ALREADY_EXISTS', false] : ['ABORTED', true];
    case 429:
      return ['RESOURCE_EXHAUSTED', true];
    case 401:
    case 403:
      // Ours, not the caller's: UNAUTHENTICATED would send them to sign in again.
      return ['PERMISSION_DENIED', false];
    default:
      return ['FAILED_PRECONDITION', false];
  }
}

/** An instance that is gone, or does not run, as an answer: the one refusal that passes when its state changes. */
export async function absentIfNotReady<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await absentIfNotFound(call);
  } catch (error) {
    if (error instanceof AppError && error.code === 'FAILED_PRECONDITION' && error.isRetryable) {
      return undefined;
    }
    throw error;
  }
}

/** "Not found" as an answer. */
export async function absentIfNotFound<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof AppError && error.code === 'NOT_FOUND') return undefined;
    throw error;
  }
}
