// The gate between front-ends and kernels: shut while the machine is about to sleep, so that nothing slips in between
// the last look and the sleep. The rules are in gate-state.ts; reporter.ts brings what the API says, kernel-host.ts,
// channels.ts and changes.ts wait at it.
import type { IdleAction, ReportRequest, ReportResponse } from '../functions/contract.ts';
import type { Clock } from './clock.ts';
import type { Answer, GateState } from './gate-state.ts';
import {
  afterForgotten,
  afterLook,
  afterResponse,
  afterSaid,
  afterTime,
  afterUse,
  afterWake,
  isOpen,
  OPEN_GATE,
  wordOf,
} from './gate-state.ts';
import type { Log } from './log.ts';
import { reasonOf } from './log.ts';

/** So long a request waits at the gate before it is answered with 503. */
const HELD_MILLISECONDS = 30_000;

export const GATE_SHUT = 'The machine is about to sleep. Try again in a moment.';

export interface LookFor {
  by: IdleAction;
  /** A gateway that does not answer may have kernels at work. */
  isGatewayNeeded: boolean;
}

export interface GateOptions {
  /** Looks, now, whether no kernel is at work. */
  look: (what: LookFor) => Promise<boolean>;
  clock: Pick<Clock, 'sinceBoot' | 'after'>;
  log: Log;
  /** The API is to be told at once. */
  onUrgent: () => void;
  /** The machine is to be switched off; the gate stays shut. */
  onSwitchOff: () => void;
}

/** What one report says of sleep, and of which state of the gate. */
export interface Word {
  sleep: ReportRequest['sleep'];
  answer: Answer | undefined;
  version: number;
}

export class Gate {
  readonly #options: GateOptions;
  readonly #waiting = new Set<() => void>();
  #state: GateState = OPEN_GATE;
  #requestsUnderWay = 0;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  get isOpen(): boolean {
    return isOpen(this.#state);
  }

  /** For the report that is sent now. */
  word(): Word {
    const { answer, version } = this.#state;
    return { sleep: wordOf(this.#state, this.#options.clock.sinceBoot()), answer, version };
  }

  /** The report with this word was answered. */
  heard(word: Word, response: ReportResponse): void {
    const now = this.#options.clock.sinceBoot();
    const said = afterSaid(this.#state, word.answer);
    this.#become(afterResponse(said, word.version, response, now));
  }

  /** A front-end wants something of a kernel while the gate is shut. It may open for that. */
  use(): void {
    this.#become(afterUse(this.#state));
  }

  /** The machine has slept. */
  woke(): void {
    this.#become(afterWake(this.#state));
    this.tick();
  }

  /** Opens when its time has come. */
  tick(): void {
    this.#become(afterTime(this.#state, this.#options.clock.sinceBoot()));
  }

  /** Switches the machine off unless something runs: nobody has asked for it for too long. */
  forgotten(): void {
    this.#become(afterForgotten(this.#state));
  }

  /** Runs `callback` once when the gate opens, in the order of the calls; returns what cancels it. */
  onceOpen(callback: () => void): () => void {
    this.#waiting.add(callback);
    return () => {
      this.#waiting.delete(callback);
    };
  }

  /**
   * Waits for the gate with a request that changes kernels; until the function in the answer is called, it is under
   * way and the machine not idle.
   * @returns `undefined` when the gate did not open in time, or `signal` was aborted
   */
  async admitRequest(signal: AbortSignal): Promise<(() => void) | undefined> {
    if (!this.isOpen) this.use();
    return await this.#pass(signal, () => {
      this.#requestsUnderWay += 1;
      return () => {
        this.#requestsUnderWay -= 1;
      };
    });
  }

  /** Waits for the gate with a new channel; whether it opened in time. */
  async admitChannel(signal: AbortSignal): Promise<boolean> {
    return (await this.#pass(signal, () => true)) ?? false;
  }

  async #pass<T>(signal: AbortSignal, enter: () => T): Promise<T | undefined> {
    if (signal.aborted) return undefined;
    if (this.isOpen) return enter();
    return await new Promise<T | undefined>((resolve) => {
      const end = (entered: T | undefined) => {
        stopWaiting();
        stopTimer();
        signal.removeEventListener('abort', giveUp);
        resolve(entered);
      };
      const giveUp = () => {
        end(undefined);
      };
      const stopWaiting = this.onceOpen(() => {
        end(enter());
      });
      const stopTimer = this.#options.clock.after(HELD_MILLISECONDS, giveUp);
      signal.addEventListener('abort', giveUp);
    });
  }

  #become(next: GateState): void {
    const before = this.#state;
    this.#state = next;
    if (next === before) return;
    const hasMoved = next.version !== before.version;
    // An answer that is only repeated has time until the next report: an API that repeats itself must not hurry us.
    const isAnswerNew = hasMoved && next.answer !== undefined && next.answer !== before.answer;
    const isWanted = !hasMoved && next.phase !== before.phase;
    if (hasMoved) this.#moved();
    if (isAnswerNew || isWanted) this.#options.onUrgent();
  }

  #moved(): void {
    const { phase, version } = this.#state;
    this.#options.log.info('gate', { is: phase.kind });
    switch (phase.kind) {
      case 'open':
        this.#release();
        return;
      case 'looking':
        void this.#look(version, { by: phase.by, isGatewayNeeded: true });
        return;
      case 'lookingLast':
        void this.#look(version, { by: 'stop', isGatewayNeeded: phase.nonce !== undefined });
        return;
      case 'agreed':
        return;
      case 'off':
        this.#options.onSwitchOff();
    }
  }

  async #look(version: number, what: LookFor): Promise<void> {
    const isIdle = await this.#options.look(what).catch((error: unknown) => {
      this.#options.log.error('could not look', { reason: reasonOf(error) });
      return false;
    });
    if (this.#state.version !== version) return;
    const isAtRest = isIdle && this.#requestsUnderWay === 0;
    this.#become(afterLook(this.#state, isAtRest, this.#options.clock.sinceBoot()));
  }

  #release(): void {
    for (const callback of [...this.#waiting]) {
      this.#waiting.delete(callback);
      callback();
    }
  }
}
