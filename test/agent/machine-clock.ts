// The clocks of a machine that can sleep: timers and the time awake stand still meanwhile, the others go on.
import { ManualClock } from '../helpers/manual-clock.ts';

export class MachineClock extends ManualClock {
  #slept = 0;
  #set = 0;
  #bootedAt = 0;
  #boots = 1;

  /** The wall clock. */
  override now(): number {
    return 1_000_000_000_000 + this.#set + this.awake() + this.#slept;
  }

  sinceBoot(): number {
    return this.awake() + this.#slept - this.#bootedAt;
  }

  bootId(): string {
    return `boot-${this.#boots}`;
  }

  awake(): number {
    return super.now();
  }

  /** The machine starts anew, at once. */
  boot(): void {
    this.#bootedAt = this.awake() + this.#slept;
    this.#boots += 1;
  }

  /** Somebody sets the wall clock by so much. */
  set(milliseconds: number): void {
    this.#set += milliseconds;
  }

  sleep(milliseconds: number): void {
    this.#slept += milliseconds;
  }
}
