// Follows a session for as long as somebody wants to know: while something is under way by long polls, which answer as
// soon as there is news, else by a look now and then: a call that waits is a function that runs, and is paid for, and this
// may go on for days. A backend that does not answer is told and is no end. Called by keep.ts.
import { setTimeout as delay } from 'node:timers/promises';
import type { SessionState, SessionView } from '../../functions/contract.ts';
import { ApiError, type Api } from '../api/api.ts';
import { ClientError } from '../errors.ts';

export interface Followers {
  onSession: (session: SessionView) => void;
  /** `undefined`: it answers. */
  onTrouble: (trouble: ClientError | undefined) => void;
}

/** The longest that the API holds an answer back. */
const WAIT_SECONDS = 45;
/** So long without an answer, and the backend counts as not reachable; the call goes on. */
const PATIENCE_MILLISECONDS = 60_000;
/** Between two looks at a session with nothing under way; whoever learns of a change otherwise has it `hurry`. */
const SETTLED_MILLISECONDS: Partial<Record<SessionState, number>> = {
  READY: 15_000,
  SUSPENDED: 30_000,
  STOPPED: 30_000,
  FAILED: 15_000,
};
const LONGEST_PAUSE_MILLISECONDS = 60_000;

export class SessionFollower {
  readonly #api: Pick<Api, 'waitForSession'>;
  readonly #followers: Followers;
  #session: SessionView;
  #pause = new AbortController();
  /** How often somebody was in a hurry: what was asked for before that may be old. */
  #hurries = 0;

  constructor(api: Pick<Api, 'waitForSession'>, session: SessionView, followers: Followers) {
    this.#api = api;
    this.#session = session;
    this.#followers = followers;
  }

  /** What another call has answered: newer than what is known here, maybe. */
  take(session: SessionView): void {
    if (session.revision <= this.#session.revision) return;
    this.#session = session;
    this.#followers.onSession(session);
    this.#pause.abort();
  }

  /** Looks now and not later. */
  hurry(): void {
    this.#hurries += 1;
    this.#pause.abort();
  }

  /** Returns when the session is gone. @throws the signal's reason */
  async run(signal: AbortSignal): Promise<void> {
    for (let failures = 0; ;) {
      try {
        // After a failure it is to answer at once, to know that it is there again.
        const isBrief = failures > 0 || this.#pauseMilliseconds() > 0;
        const hurries = this.#hurries;
        this.take(await this.#look(isBrief ? 0 : WAIT_SECONDS, signal));
        failures = 0;
        this.#followers.onTrouble(undefined);
        if (hurries === this.#hurries) await this.#rest(this.#pauseMilliseconds(), signal);
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof ApiError && error.status === 'NOT_FOUND') return;
        if (!(error instanceof ClientError)) throw error;
        failures += 1;
        this.#followers.onTrouble(error);
        const pause = Math.min(1000 * 2 ** failures, LONGEST_PAUSE_MILLISECONDS);
        await this.#rest(pause * (0.75 + Math.random() / 2), signal);
      }
    }
  }

  #pauseMilliseconds(): number {
    return SETTLED_MILLISECONDS[this.#session.state] ?? 0;
  }

  async #look(waitSeconds: number, signal: AbortSignal): Promise<SessionView> {
    const { id, revision } = this.#session;
    const late = setTimeout(() => {
      this.#followers.onTrouble(new ClientError('The backend does not answer.'));
    }, PATIENCE_MILLISECONDS);
    try {
      const answer = await this.#api.waitForSession(id, revision, waitSeconds);
      signal.throwIfAborted();
      return answer;
    } finally {
      clearTimeout(late);
    }
  }

  async #rest(milliseconds: number, signal: AbortSignal): Promise<void> {
    this.#pause = new AbortController();
    const both = AbortSignal.any([signal, this.#pause.signal]);
    await delay(milliseconds, undefined, { signal: both }).catch(() => undefined);
    signal.throwIfAborted();
  }
}
