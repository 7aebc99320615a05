// The agent's clock in a machine that can be frozen: timers and the time awake stand still meanwhile, the others go on.
import type { Clock } from '../../agent/clock.ts';

interface Timer {
  remaining: number;
  startedAt: number;
  callback: () => void;
  running: NodeJS.Timeout | undefined;
}

export class SleepyClock implements Clock {
  readonly #timers = new Set<Timer>();
  #slept = 0;
  #frozenAt: number | undefined;

  now(): number {
    return Date.now();
  }

  sinceBoot(): number {
    return performance.now();
  }

  bootId(): string {
    return 'boot';
  }

  awake(): number {
    return (this.#frozenAt ?? performance.now()) - this.#slept;
  }

  after(milliseconds: number, callback: () => void): () => void {
    const timer: Timer = { remaining: milliseconds, startedAt: 0, callback, running: undefined };
    this.#timers.add(timer);
    if (this.#frozenAt === undefined) this.#run(timer);
    return () => {
      clearTimeout(timer.running);
      this.#timers.delete(timer);
    };
  }

  freeze(): void {
    if (this.#frozenAt !== undefined) return;
    this.#frozenAt = performance.now();
    for (const timer of this.#timers) {
      clearTimeout(timer.running);
      timer.remaining -= this.awake() - timer.startedAt;
    }
  }

  thaw(): void {
    if (this.#frozenAt === undefined) return;
    this.#slept += performance.now() - this.#frozenAt;
    this.#frozenAt = undefined;
    for (const timer of this.#timers) this.#run(timer);
  }

  #run(timer: Timer): void {
    timer.startedAt = this.awake();
    timer.running = setTimeout(
      () => {
        this.#timers.delete(timer);
        timer.callback();
      },
      Math.max(timer.remaining, 0),
    );
  }
}
