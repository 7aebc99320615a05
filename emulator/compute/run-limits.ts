// Acts on `scheduling.maxRunDuration`: counted from the last RUNNING, forgotten when the instance stops or sleeps.
// machines.ts tells it of every change of status.
import { timestampOf, type Clock } from '../clock.ts';
import type { InstanceRecord } from './state.ts';

export interface RunLimitsOptions {
  clock: Clock;
  /** The instance has run as long as it may. */
  onOver: (instance: InstanceRecord) => void;
}

/** A timer of Node.js cannot wait longer than 24.8 days. */
const LONGEST_WAIT_MILLISECONDS = 86_400_000;

export class RunLimits {
  readonly #options: RunLimitsOptions;
  /** By instance id: what cancels the timer. */
  readonly #timers = new Map<string, () => void>();

  constructor(options: RunLimitsOptions) {
    this.#options = options;
  }

  /** To be called before the change is saved: the resource says when the time is over. */
  follow(instance: InstanceRecord): void {
    const { resource } = instance;
    const { maxRunDuration } = resource.scheduling;
    if (resource.status !== 'RUNNING') this.#forget(instance);
    else if (maxRunDuration && !this.#timers.has(resource.id)) {
      const end = this.#options.clock.now() + Number(maxRunDuration.seconds) * 1000;
      resource.resourceStatus = { scheduling: { terminationTimestamp: timestampOf(end) } };
      this.#wait(instance, end);
    }
  }

  close(): void {
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
  }

  #wait(instance: InstanceRecord, end: number): void {
    const { clock, onOver } = this.#options;
    const { id } = instance.resource;
    const left = end - clock.now();
    const cancel = clock.after(Math.min(left, LONGEST_WAIT_MILLISECONDS), () => {
      if (clock.now() < end) {
        this.#wait(instance, end);
        return;
      }
      this.#timers.delete(id);
      onOver(instance);
    });
    this.#timers.set(id, cancel);
  }

  #forget({ resource }: InstanceRecord): void {
    this.#timers.get(resource.id)?.();
    this.#timers.delete(resource.id);
    delete resource.resourceStatus;
  }
}
