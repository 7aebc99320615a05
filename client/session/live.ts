// What is known of a session while a relay serves it: the session, the way to it, the backend, the sign-in. keep.ts and
// the sign-in write it, live-line.ts shows it.
import type { SessionView } from '../../functions/contract.ts';

export interface LiveState {
  session: SessionView;
  connection: 'up' | 'down';
  /** While it is down: since when, and when it is tried again (ms since the epoch); no time: now. */
  cut?: { since: number; nextTryAt?: number | undefined } | undefined;
  /** The backend does not answer, or refuses: since when (ms since the epoch), and in words. */
  trouble?: { since: number; words: string } | undefined;
  /** The command that signs in again, while that is what everything waits for. */
  signInCommand?: string | undefined;
  /** Enter wakes it: it is asleep and somebody sits there. */
  isWakeable: boolean;
  /** What came of the last try to wake it. */
  note?: string | undefined;
}

export class Live {
  #state: LiveState;
  readonly #onChange: (state: LiveState) => void;

  constructor(state: LiveState, onChange: (state: LiveState) => void) {
    this.#state = state;
    this.#onChange = onChange;
  }

  get state(): LiveState {
    return this.#state;
  }

  update(changes: Partial<LiveState>): void {
    this.#state = { ...this.#state, ...changes };
    this.#onChange(this.#state);
  }
}
