// Keeps the way to the agent up while a session runs: asks now and then whether it answers, and makes the way anew when it
// does not, or when the session has come back from sleep on whatever instance. keep.ts tells it what the session does.
import { setTimeout as delay } from 'node:timers/promises';
import type { Api } from '../api/api.ts';
import type { SessionAccess } from './access.ts';

export interface ConnectionOptions {
  api: Pick<Api, 'connect'>;
  sessionId: string;
  access: SessionAccess;
  /** Resolves when the agent answers through the relay's own way. */
  probe: () => Promise<void>;
  /** `nextTryAt`: when it is tried again, in ms since the epoch; absent: it is being tried. */
  onState: (state: 'up' | 'down', nextTryAt?: number) => void;
  now: () => number;
  /** 0 to 1; spreads the tries of many clients. */
  random: () => number;
  /** A front-end wants kernels while the session sleeps, as far as anybody here knows. */
  onWanted: () => void;
  signal: AbortSignal;
}

/** Tunnels notice within half a minute that they are dead; where none is open, this does. */
const BEAT_MILLISECONDS = 30_000;
const FIRST_PAUSE_MILLISECONDS = 500;
const LONGEST_PAUSE_MILLISECONDS = 30_000;
/** The clock on the wall is looked at so often: timers stand still while a laptop sleeps. */
const WAKE_CHECK_MILLISECONDS = 1_000;

export class Connection implements Disposable {
  readonly #options: ConnectionOptions;
  readonly #beat: NodeJS.Timeout;
  #isMending = false;
  #isResting = false;
  /** Where the session is now is to be asked before anything else is tried. */
  #isStale = false;
  #pause = new AbortController();

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#beat = setInterval(() => {
      this.check();
    }, BEAT_MILLISECONDS);
    options.access.onNeed = () => {
      if (this.#isResting) options.onWanted();
      else this.check();
    };
  }

  /** Looks now whether the agent answers; if not, tries until it does. */
  check(): void {
    if (!this.#isResting) void this.#mend();
  }

  /** The session sleeps. */
  rest(why: string): void {
    this.#isResting = true;
    this.#isStale = true;
    this.#options.access.rest(why);
    this.#options.onState('down');
  }

  /** The session is up again, maybe elsewhere. */
  renew(): void {
    this.#isResting = false;
    this.#isStale = true;
    this.#pause.abort();
    void this.#mend();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#beat);
    this.#isResting = true;
  }

  async #mend(): Promise<void> {
    if (this.#isMending) return;
    this.#isMending = true;
    let pause = FIRST_PAUSE_MILLISECONDS;
    while (!this.#isOver() && !(await this.#isUp())) {
      this.#isStale = true;
      await this.#rest(pause * (0.5 + this.#options.random() / 2));
      pause = Math.min(pause * 2, LONGEST_PAUSE_MILLISECONDS);
    }
    this.#isMending = false;
  }

  /** Ends early when the laptop has slept meanwhile: then nothing is as it was. */
  async #rest(milliseconds: number): Promise<void> {
    const { now, onState, signal } = this.#options;
    const end = now() + milliseconds;
    if (!this.#isOver()) onState('down', end);
    this.#pause = new AbortController();
    const both = AbortSignal.any([signal, this.#pause.signal]);
    while (now() < end && !both.aborted) {
      const step = Math.min(end - now(), WAKE_CHECK_MILLISECONDS);
      await delay(step, undefined, { signal: both }).catch(() => undefined);
    }
    if (!this.#isOver()) onState('down');
  }

  #isOver(): boolean {
    return this.#isResting || this.#options.signal.aborted;
  }

  async #isUp(): Promise<boolean> {
    const { api, sessionId, access, probe, onState } = this.#options;
    try {
      if (this.#isStale) {
        const connection = await api.connect(sessionId);
        if (this.#isOver()) return false;
        access.use(connection);
        this.#isStale = false;
      }
      await probe();
      onState('up');
      return true;
    } catch {
      // Whatever it was, it is tried again; the state of session and backend is told by others.
      if (!this.#isOver()) onState('down');
      return false;
    }
  }
}
