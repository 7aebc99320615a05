// Lets the dead-man's timer run while nothing works on the machine, and has the machine switched off when it is due.
// main.ts calls it with every beat of the pulse.
import type { Clock } from './clock.ts';
import type { CpuSample } from './cpu.ts';
import { isRest } from './cpu.ts';
import type { DeadMan } from './dead-man.ts';
import type { Kernels } from './kernels.ts';
import type { Log } from './log.ts';
import { reasonOf } from './log.ts';

/** A minute's mean: the gateway itself computes for a moment now and then. */
const CPU_MILLISECONDS = 60_000;

export interface UnattendedOptions {
  deadMan: DeadMan;
  kernels: Pick<Kernels, 'isAnyAtWork' | 'livingIds' | 'activities'>;
  cpu: { sample(kernelIds: readonly string[]): Promise<CpuSample> };
  clock: Pick<Clock, 'awake'>;
  log: Log;
  onForgotten: () => void;
}

export class Unattended {
  readonly #options: UnattendedOptions;
  #sample: CpuSample | undefined;
  #isSampling = false;

  constructor(options: UnattendedOptions) {
    this.#options = options;
  }

  beat(): void {
    const { deadMan, kernels, clock, log, onForgotten } = this.#options;
    const now = clock.awake();
    if (kernels.isAnyAtWork) deadMan.begin(now);
    for (const { idleSeconds } of kernels.activities()) deadMan.begin(now - idleSeconds * 1000);
    if (deadMan.isDue(now)) {
      log.info('unattended', { seconds: Math.round(deadMan.elapsed(now) / 1000) });
      deadMan.begin(now); // Should something run all the same, the full time counts again.
      onForgotten();
    } else if (!this.#isSampling) void this.#lookAtCpu(now);
  }

  async #lookAtCpu(now: number): Promise<void> {
    const { deadMan, kernels, cpu, log } = this.#options;
    if (deadMan.elapsed(now) < CPU_MILLISECONDS) {
      this.#sample = undefined; // Somebody was there a moment ago.
      return;
    }
    const before = this.#sample;
    if (before && now - before.at < CPU_MILLISECONDS) return;
    this.#isSampling = true;
    try {
      this.#sample = await cpu.sample(kernels.livingIds);
      if (before && !isRest(before, this.#sample)) deadMan.begin(now);
    } catch (error) {
      log.error('processor time not known', { reason: reasonOf(error) });
      deadMan.begin(now);
    } finally {
      this.#isSampling = false;
    }
  }
}
