// What an API answers, read: its own answer, its own refusal, or something else that stands at its address. call.ts
// reads with it, failures.ts says what it means.
import type { Dispatcher } from 'undici';
import type { z } from 'zod';
import { errorBody, type ErrorBody } from '../../functions/contract.ts';
import { ClientError } from '../errors.ts';

/** The API's own answer that it will not do what was asked. */
export class ApiError extends ClientError {
  readonly status: ErrorBody['error']['status'];
  readonly details: NonNullable<ErrorBody['error']['details']>;
  /** When it was answered, on the clock of who answered. */
  readonly answeredAt: number | undefined;

  constructor(error: ErrorBody['error'], answeredAt?: number) {
    super(error.message);
    this.status = error.status;
    this.details = error.details ?? [];
    this.answeredAt = answeredAt;
  }
}

/** Not our API's: the platform in front of it, a proxy, or another program altogether. */
export class ForeignAnswer extends Error {
  override readonly name = 'ForeignAnswer';
  readonly status: number;
  /** Where a redirect leads. */
  readonly location: string | undefined;
  /** As much of it as is looked at. */
  readonly text: string;
  readonly answeredAt: number | undefined;

  constructor(reply: Dispatcher.ResponseData, text: string) {
    super(`HTTP ${reply.statusCode}`);
    this.status = reply.statusCode;
    const { location } = reply.headers;
    this.location = Array.isArray(location) ? location[0] : location;
    this.text = text.slice(0, 65_536);
    this.answeredAt = timeOf(reply);
  }
}

/** Our API's, of another version. */
export class UnknownShape extends Error {
  override readonly name = 'UnknownShape';
}

/** @throws ApiError, ForeignAnswer, UnknownShape */
export async function readAnswer<T>(
  reply: Dispatcher.ResponseData,
  schema: z.ZodType<T>,
): Promise<T> {
  const text = await reply.body.text();
  const value = parseJson(text);
  const { statusCode } = reply;
  if (value === undefined || (statusCode >= 300 && statusCode < 400)) {
    throw new ForeignAnswer(reply, text);
  }
  if (statusCode >= 400) {
    const failure = errorBody.safeParse(value);
    if (failure.success) throw new ApiError(failure.data.error, timeOf(reply));
    throw new ForeignAnswer(reply, text);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new UnknownShape(parsed.error.issues[0]?.path.join('.') ?? '');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function timeOf({ headers }: Dispatcher.ResponseData): number | undefined {
  const time = Date.parse(String(headers['date']));
  return Number.isNaN(time) ? undefined : time;
}
