// A power switch that can be thrown between any two steps of the backend, or around one step by its name.
import { AppError } from '../../functions/errors.ts';

/** The process is gone: nothing after this point happens. */
export class Killed extends Error {}

export const INTERRUPTIONS = ['before', 'after', 'replyLost', 'requestLost'] as const;

export interface Interruption {
  /** A step of the code's list, or `build`. */
  step: string;
  how: (typeof INTERRUPTIONS)[number];
}

export class PowerSwitch {
  passed = 0;
  /** Kills at the n-th boundary between steps, once. */
  killAt: number | undefined;
  /** Happens once, at the next call of that step. */
  interruption: Interruption | undefined;

  boundary(): void {
    this.passed += 1;
    if (this.passed !== this.killAt) return;
    this.killAt = undefined;
    throw new Killed();
  }

  /** Nothing has been done yet. */
  before(step: string): void {
    this.boundary();
    if (this.#isNow(step, 'before')) throw new Killed();
    if (this.#isNow(step, 'requestLost')) throw noAnswer();
  }

  /** It is done, and nobody has been told. */
  after(step: string): void {
    if (this.#isNow(step, 'after')) throw new Killed();
    if (this.#isNow(step, 'replyLost')) throw noAnswer();
    this.boundary();
  }

  #isNow(step: string, how: Interruption['how']): boolean {
    if (this.interruption?.step !== step || this.interruption.how !== how) return false;
    this.interruption = undefined;
    return true;
  }
}

function noAnswer(): AppError {
  return new AppError('UNAVAILABLE', 'no answer', { isRetryable: true });
}
