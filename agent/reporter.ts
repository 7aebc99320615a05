// Keeps the API informed: registers until it is accepted, then reports at the interval that the API asks for, soon
// after something changed, and at once when the gate or a wake asks for it; hands the answers to the gate. Never gives
// up; main.ts starts it and stops it.
import type { ReportRequest, ReportResponse } from '../functions/contract.ts';
import type { Registration } from './api.ts';
import { ApiError } from './api.ts';
import type { Clock } from './clock.ts';
import type { Gate } from './gate.ts';
import type { Log } from './log.ts';
import { reasonOf } from './log.ts';

/** Changes come in groups (busy, idle, busy …): one report for a group. */
const DEBOUNCE_MILLISECONDS = 250;
/** Between two reports, however much changes. */
const MIN_GAP_MILLISECONDS = 1_000;
const FIRST_DELAY_MILLISECONDS = 1_000;
const MAX_DELAY_MILLISECONDS = 30_000;
/** Where the API has refused us, asking often helps nobody. */
const REFUSED_DELAY_MILLISECONDS = 60_000;

export type Observation = Pick<ReportRequest, 'wake' | 'gatewayReady' | 'kernels'>;

export interface ReporterOptions {
  api: {
    register(agentVersion: string, bootId: string): Promise<Registration>;
    report(report: ReportRequest): Promise<ReportResponse>;
    reconnect(): void;
  };
  agentVersion: string;
  bootId: string;
  observe: () => Observation;
  /** What a report says of sleep, and who is told what the API says of it. */
  gate: Pick<Gate, 'word' | 'heard'>;
  onRegistered: (accessToken: string) => void;
  /** The API has accepted a call. */
  onReached: (deadManSeconds: number) => void;
  clock: Pick<Clock, 'sinceBoot' | 'after'>;
  log: Log;
  /** 0 to 1; spreads the retries of many agents. */
  random: () => number;
}

export class Reporter {
  readonly #options: ReporterOptions;
  #sequence = 0;
  #failures = 0;
  #lastSent = '';
  #isStopped = false;
  #hasChanged = false;
  #isUrgent = false;
  #isRefused = false;
  #endWait: (() => void) | undefined;
  #endsOnChange = false;

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  async run(): Promise<void> {
    const registration = await this.#register();
    let interval = registration?.reportIntervalSeconds ?? 0;
    while (!this.#isStopped) {
      interval = (await this.#report()) ?? interval;
      if (this.#failures > 0) await this.#backOff();
      else await this.#untilDue(interval * 1000);
    }
  }

  /** Something that a report says may be different now. */
  changed(): void {
    this.#hasChanged = true;
    if (this.#endsOnChange) this.#endWait?.();
  }

  /** Reports at once, or right after the call that is under way. */
  reportNow(): void {
    this.#isUrgent = true;
    this.#endWait?.();
  }

  /** The machine has slept: a call under way may hang on a connection that is dead. */
  woke(): void {
    this.#options.api.reconnect();
    this.reportNow();
  }

  stop(): void {
    this.#isStopped = true;
    this.#endWait?.();
  }

  async #register(): Promise<Registration | undefined> {
    const { api, agentVersion, bootId, log, onRegistered, onReached } = this.#options;
    while (!this.#isStopped) {
      this.#isUrgent = false;
      try {
        const registration = await api.register(agentVersion, bootId);
        this.#failures = 0;
        log.info('registered');
        onRegistered(registration.accessToken);
        onReached(registration.deadManSeconds);
        return registration;
      } catch (error) {
        this.#failed('not registered', error);
      }
      await this.#backOff();
    }
    return undefined;
  }

  /** The next interval in seconds, or `undefined` when the report did not arrive. */
  async #report(): Promise<number | undefined> {
    const { api, bootId, gate, observe, log, onReached } = this.#options;
    this.#hasChanged = false;
    this.#isUrgent = false;
    const observation = observe();
    const word = gate.word();
    const sequence = this.#sequence;
    this.#sequence += 1;
    try {
      const sleep = word.sleep && { sleep: word.sleep };
      const answer = await api.report({ bootId, sequence, ...observation, ...sleep });
      if (this.#failures > 0) log.info('reporting again', { afterFailures: this.#failures });
      this.#failures = 0;
      this.#lastSent = visibleIn(observation);
      onReached(answer.deadManSeconds);
      gate.heard(word, answer);
      return answer.reportIntervalSeconds;
    } catch (error) {
      this.#failed('report not delivered', error);
      return undefined;
    }
  }

  #failed(event: string, error: unknown): void {
    this.#failures += 1;
    this.#isRefused = error instanceof ApiError && error.isRefusal;
    this.#options.log.error(event, {
      reason: reasonOf(error),
      meaning: this.#isRefused
        ? 'the API refuses this instance; was its session deleted?'
        : undefined,
    });
  }

  /** Waits as a retry should: twice as long each time up to a bound, and not all agents at once. */
  async #backOff(): Promise<void> {
    const limit = this.#isRefused ? REFUSED_DELAY_MILLISECONDS : MAX_DELAY_MILLISECONDS;
    const delay = Math.min(limit, FIRST_DELAY_MILLISECONDS * 2 ** Math.min(this.#failures - 1, 16));
    await this.#wait(delay * (0.5 + this.#options.random() / 2));
  }

  /** Until the interval is over, or a report would say something else than the last one. */
  async #untilDue(intervalMilliseconds: number): Promise<void> {
    const { clock, observe } = this.#options;
    // A wall clock that is set back would hold reports up.
    const dueAt = clock.sinceBoot() + intervalMilliseconds;
    await this.#wait(MIN_GAP_MILLISECONDS);
    while (!this.#isStopped && !this.#isUrgent && clock.sinceBoot() < dueAt) {
      if (!this.#hasChanged) await this.#wait(dueAt - clock.sinceBoot(), true);
      if (!this.#hasChanged) return;
      await this.#wait(DEBOUNCE_MILLISECONDS);
      this.#hasChanged = false;
      if (visibleIn(observe()) !== this.#lastSent) return;
    }
  }

  async #wait(milliseconds: number, endsOnChange = false): Promise<void> {
    if (this.#isStopped || this.#isUrgent) return;
    this.#endsOnChange = endsOnChange;
    await new Promise<void>((resolve) => {
      const cancel = this.#options.clock.after(milliseconds, resolve);
      this.#endWait = () => {
        cancel();
        resolve();
      };
    });
    this.#endWait = undefined;
  }
}

/** What makes a report worth sending early. The idle time is not: it always changes. */
function visibleIn({ gatewayReady, kernels }: Observation): string {
  const visible = kernels.map(({ id, name, state, connections }) => [id, name, state, connections]);
  return JSON.stringify([gatewayReady, visible]);
}
