// The emulated Cloud Scheduler: runs its one job at every full interval of the emulator's clock, never twice at a
// time. routes.ts shows it to gcloud.
import { timestampOf, type Clock } from '../clock.ts';
import type { Tokens } from '../oidc/tokens.ts';
import type { Log } from '../router.ts';
import { attemptJob } from './attempt.ts';
import { jobName, openJob, showJob, type JobFile, type JobSpec } from './state.ts';

export interface SchedulerOptions {
  stateDir: string;
  spec: JobSpec;
  tokens: Tokens;
  clock: Clock;
  log: Log;
  /** The job is due at multiples of it; 0: only when it is asked for. */
  intervalMilliseconds: number;
}

export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #file: JobFile;
  readonly #ended = new AbortController();
  #cancelTimer: (() => void) | undefined;
  #running: Promise<void> | undefined;
  /** Asked for while it ran: it follows at once, once. */
  #isDueAgain = false;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#file = openJob(options.stateDir, this.#format(options.clock.now()));
  }

  get name(): string {
    return jobName(this.#options.spec);
  }

  get isPaused(): boolean {
    return this.#file.value.state === 'PAUSED';
  }

  show(): object {
    return showJob(this.#options.spec, this.#file.value);
  }

  /** From now on the job runs by itself. */
  start(): void {
    this.#planNext();
  }

  setPaused(isPaused: boolean): void {
    const { value } = this.#file;
    value.state = isPaused ? 'PAUSED' : 'ENABLED';
    value.userUpdateTime = this.#format(this.#options.clock.now());
    this.#file.save();
    this.#planNext();
  }

  /** Runs the job now, or after the run that is under way. */
  run(): void {
    if (this.#running) this.#isDueAgain = true;
    else this.#running = this.#runUntilIdle(this.#options.clock.now());
  }

  async end(): Promise<void> {
    this.#ended.abort();
    this.#cancelTimer?.();
    await this.#running;
  }

  /** @param after a timer may fire a little before its time, and must not plan the same run again */
  #planNext(after = this.#options.clock.now()): void {
    const { clock, intervalMilliseconds: interval } = this.#options;
    this.#cancelTimer?.();
    const { value } = this.#file;
    delete value.scheduleTime;
    if (interval > 0 && !this.isPaused && !this.#ended.signal.aborted) {
      const next = (Math.floor(after / interval) + 1) * interval;
      value.scheduleTime = this.#format(next);
      this.#cancelTimer = clock.after(next - clock.now(), () => {
        this.#planNext(Math.max(next, clock.now()));
        this.run();
      });
    }
    this.#file.save();
  }

  async #runUntilIdle(scheduledAt: number): Promise<void> {
    const { clock } = this.#options;
    await this.#attempt(scheduledAt);
    while (this.#isDueAgain && !this.#ended.signal.aborted) {
      this.#isDueAgain = false;
      await this.#attempt(clock.now());
    }
    this.#running = undefined;
  }

  async #attempt(scheduledAt: number): Promise<void> {
    const { spec, tokens, clock, log } = this.#options;
    const { value } = this.#file;
    value.lastAttemptTime = this.#format(clock.now());
    this.#file.save();
    const time = this.#format(scheduledAt);
    const status = await attemptJob(spec, time, tokens, clock, this.#ended.signal);
    // An attempt that the emulator's own end cut short says nothing about the function.
    if (this.#ended.signal.aborted) return;
    if (status.code !== undefined) log(`the scheduler's job ${this.name} failed: ${status.code}`);
    value.status = status;
    this.#file.save();
  }

  #format(time: number): string {
    return timestampOf(time).replace('-00:00', 'Z');
  }
}
