// How long a channel waits: for its front-end to come back, and for the way to the agent before a cut is shown.
// relay-channel.ts says when the waiting begins.
import type { Clock } from '../../clock.ts';
import type { RelayTimings } from '../timings.ts';

export interface PatienceOptions {
  clock: Clock;
  timings: Pick<RelayTimings, 'leave' | 'absence'>;
  /** Whether something is still to be delivered to the agent; as long as it is, nobody goes. */
  isOwed: () => boolean;
  /** `isGoodbye`: the front-end went on purpose. */
  onGone: (isGoodbye: boolean) => void;
  /** The way is down for longer than a front-end is left in the dark. */
  onCut: () => void;
}

export class Patience {
  readonly #options: PatienceOptions;
  #cancelReturn: (() => void) | undefined;
  /** Its time is over, and something is still to be delivered. */
  #goneOnce: { isGoodbye: boolean } | undefined;
  #cancelGrace: (() => void) | undefined;

  constructor(options: PatienceOptions) {
    this.#options = options;
  }

  expectReturn(isGoodbye: boolean): void {
    const { clock, timings, isOwed, onGone } = this.#options;
    this.returned();
    this.#cancelReturn = clock.after(isGoodbye ? timings.leave : timings.absence, () => {
      // What its page has sent before it went is delivered first.
      if (isOwed()) this.#goneOnce = { isGoodbye };
      else onGone(isGoodbye);
    });
  }

  /** More has been delivered to the agent. */
  delivered(): void {
    const { isOwed, onGone } = this.#options;
    if (this.#goneOnce && !isOwed()) onGone(this.#goneOnce.isGoodbye);
  }

  returned(): void {
    this.#cancelReturn?.();
    this.#goneOnce = undefined;
  }

  startGrace(milliseconds: number): void {
    this.#cancelGrace?.();
    this.#cancelGrace = this.#options.clock.after(milliseconds, this.#options.onCut);
  }

  endGrace(): void {
    this.#cancelGrace?.();
  }

  stop(): void {
    this.returned();
    this.endGrace();
  }
}
