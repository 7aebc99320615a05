// Beats once a second, and tells from the beats whether the machine has slept. main.ts hangs on it what depends on
// time: the gate's end, the dead-man's timer, what a wake changes.
import type { Clock } from './clock.ts';

const BEAT_MILLISECONDS = 1_000;
/**
 * So long between two beats, and the machine has slept: suspended, the clock since boot goes on while timers stand
 * still; frozen, the timer comes late. A busy event loop may look the same, which does no harm: the API hears from us
 * early over new connections, the dead-man's timer begins anew, and a look that is under way is not believed.
 */
const WAKE_MILLISECONDS = 10_000;

export interface PulseOptions {
  clock: Pick<Clock, 'sinceBoot' | 'after'>;
  onBeat: () => void;
  /** Before the beat that noticed it. */
  onWake: () => void;
}

export class Pulse {
  readonly #options: PulseOptions;
  #wakes = 0;
  #lastBeatAt = 0;
  #cancel: (() => void) | undefined;

  constructor(options: PulseOptions) {
    this.#options = options;
  }

  /** How often the machine has woken since the start. */
  get wakes(): number {
    return this.#wakes;
  }

  start(): void {
    this.#lastBeatAt = this.#options.clock.sinceBoot();
    this.#expectBeat();
  }

  stop(): void {
    this.#cancel?.();
  }

  #expectBeat(): void {
    this.#cancel = this.#options.clock.after(BEAT_MILLISECONDS, () => {
      this.#beat();
    });
  }

  #beat(): void {
    this.#expectBeat();
    const now = this.#options.clock.sinceBoot();
    const elapsed = now - this.#lastBeatAt;
    this.#lastBeatAt = now;
    if (elapsed > WAKE_MILLISECONDS) {
      this.#wakes += 1;
      this.#options.onWake();
    }
    this.#options.onBeat();
  }
}
