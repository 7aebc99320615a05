// The clocks of a machine that can sleep: timers and the time awake stand still meanwhile, the others go on.
import { ManualClock } from '../helpers/manual-clock.ts';

export class MachineClock extends ManualClock {
  #slept = 0;
  #set = 0;

  /** The wall clock. */
  override now(): number {
    return 1_000_000_000_000 + this.#set + this.sinceBoot();
  }

  sinceBoot(): number {
    return this.awake() + this.#slept;
  }

  awake(): number {
    return super.now();
  }

  /** Somebody sets the wall clock by so much. */
  set(milliseconds: number): void {
    this.#set += milliseconds;
  }

  sleep(milliseconds: number): void {
    this.#slept += milliseconds;
  }
}
