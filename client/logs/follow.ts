// Follows a log of the API until Ctrl-C, or until it is gone: asks for what has come since, less often while nothing comes,
// since the whole project has 60 such questions a minute. An outage of the API is said once, and waited for.
import { setTimeout as delay } from 'node:timers/promises';
import { MAX_LOG_LINES, type LogsResponse } from '../../functions/contract.ts';
import { ApiError, type LogPage } from '../api/api.ts';
import { ClientError } from '../errors.ts';
import type { PrintLines } from '../output/log-lines.ts';

export interface Followed {
  read: (page: LogPage) => Promise<LogsResponse>;
  print: PrintLines;
  /** To a person, on standard error. */
  say: (text: string) => void;
  /** Said when there is nothing to begin with. */
  nothing: string | undefined;
  /** Lines to begin with. */
  limit: number;
  /** Ctrl-C. */
  signal: AbortSignal;
  pauses?: Pauses;
}

export interface Pauses {
  shortest: number;
  longest: number;
  /** After Google's rate limit was reached. */
  rateLimited: number;
}

const PAUSES: Pauses = { shortest: 3000, longest: 15_000, rateLimited: 40_000 };
const SLOWER = 1.5;

/** Returns at Ctrl-C, and when the session is gone. @throws what no waiting mends */
export async function followLog(followed: Followed): Promise<void> {
  const { signal, pauses = PAUSES } = followed;
  const outage = new Outage(followed.say);
  let after: string | undefined;
  let pause = pauses.shortest;
  while (!hasEnded(signal)) {
    try {
      const page = await readPage(followed, after);
      outage.end();
      followed.print(page.lines);
      const isQuiet = page.lines.length === 0;
      if (after === undefined && isQuiet && followed.nothing) followed.say(followed.nothing);
      pause = isQuiet ? Math.min(pause * SLOWER, pauses.longest) : pauses.shortest;
      after = page.next;
    } catch (error) {
      if (hasEnded(signal)) return;
      if (isGone(error)) {
        followed.say(`${error.message} Its logs end here.`);
        return;
      }
      if (!isPassing(error, after !== undefined)) throw error;
      outage.begin(error);
      pause = isRateLimit(error) ? pauses.rateLimited : pauses.longest;
    }
    await delay(pause, undefined, { signal }).catch(() => undefined);
  }
}

/** It may at any moment. */
function hasEnded(signal: AbortSignal): boolean {
  return signal.aborted;
}

function readPage({ read, limit }: Followed, after: string | undefined): Promise<LogsResponse> {
  return read(after === undefined ? { limit } : { limit: MAX_LOG_LINES, after });
}

/** Said once, however long it takes. */
class Outage {
  readonly #say: (text: string) => void;
  #isOn = false;

  constructor(say: (text: string) => void) {
    this.#say = say;
  }

  begin(error: ClientError): void {
    if (!this.#isOn) this.#say(`${error.message}\nWaiting until it can be read; Ctrl-C ends this.`);
    this.#isOn = true;
  }

  end(): void {
    if (this.#isOn) this.#say('It can be read again.');
    this.#isOn = false;
  }
}

function isGone(error: unknown): error is ApiError {
  return error instanceof ApiError && error.status === 'NOT_FOUND';
}

/** Of the API's refusals, those that end by themselves; a machine that is off may be started by somebody. */
const PASSING: readonly ApiError['status'][] = [
  'FAILED_PRECONDITION',
  'RESOURCE_EXHAUSTED',
  'UNAVAILABLE',
  'ABORTED',
  'INTERNAL',
  'DEADLINE_EXCEEDED',
];

/** Before the first answer nothing is known to have worked: then only what the API itself says is waited for. */
function isPassing(error: unknown, hasWorked: boolean): error is ClientError {
  if (error instanceof ApiError) return PASSING.includes(error.status);
  return hasWorked && error instanceof ClientError;
}

function isRateLimit(error: unknown): boolean {
  return error instanceof ApiError && error.status === 'RESOURCE_EXHAUSTED';
}
