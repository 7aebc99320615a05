// Follows a session for as long as somebody wants to know: long polls, which answer as soon as there is news. A backend
// that does not answer is told and is no end. Called by keep.ts.
import { setTimeout as delay } from 'node:timers/promises';
import type { SessionState, SessionView } from '../../functions/contract.ts';
import { ApiError, type Api } from '../api.ts';
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
/** A session at rest is looked at and not waited for: while nobody works, nothing of the backend runs. */
const REST_MILLISECONDS = 30_000;
const LONGEST_PAUSE_MILLISECONDS = 60_000;

const AT_REST: readonly SessionState[] = ['SUSPENDED', 'STOPPED', 'FAILED'];

export class SessionFollower {
  readonly #api: Pick<Api, 'waitForSession'>;
  readonly #followers: Followers;
  #session: SessionView;
  #pause = new AbortController();

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
    this.#pause.abort();
  }

  /** Returns when the session is gone. @throws the signal's reason */
  async run(signal: AbortSignal): Promise<void> {
    for (let failures = 0; ;) {
      try {
        // After a failure it is to answer at once, to know that it is there again.
        const isBrief = failures > 0 || AT_REST.includes(this.#session.state);
        this.take(await this.#look(isBrief ? 0 : WAIT_SECONDS, signal));
        failures = 0;
        this.#followers.onTrouble(undefined);
        if (AT_REST.includes(this.#session.state)) await this.#rest(REST_MILLISECONDS, signal);
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
