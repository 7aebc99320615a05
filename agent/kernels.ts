// The kernels that the agent knows, by id: takes messages and lists in, tells what changed. kernel-host.ts and
// watch.ts feed it, reporter.ts reads it; the rules are in kernel-messages.ts and activity.ts.
import type { KernelActivity } from '../functions/contract.ts';
import { activityOf, afterListing } from './activity.ts';
import type { Clock } from './clock.ts';
import {
  afterAnswer,
  afterChannelClosed,
  afterChannelOpened,
  afterFrontEnds,
  afterRequest,
  afterUse,
} from './kernel-messages.ts';
import type { KernelRecord, ListedKernel } from './kernel-record.ts';
import { afterRestart, newKernel, shifted } from './kernel-record.ts';
import type { KernelMessage } from './message.ts';

/** Two clocks are not read at the same moment, and the wall clock is slewed all the time. */
const JUMP_MILLISECONDS = 500;

export class Kernels {
  readonly #clock: Clock;
  readonly #onChange: () => void;
  /** `knownSince`: milliseconds since boot. */
  readonly #records = new Map<string, { record: KernelRecord; knownSince: number }>();
  /** The wall clock when the machine was booted, as it is now. */
  #bootedAt: number;

  /** `onChange` is called when a kernel comes, goes, or does something else than before. */
  constructor(clock: Clock, onChange: () => void) {
    this.#clock = clock;
    this.#bootedAt = clock.now() - clock.sinceBoot();
    this.#onChange = onChange;
  }

  request(id: string, message: KernelMessage): void {
    this.#update(id, (kernel, now) => afterRequest(kernel, message, now));
  }

  /** Something waits at the gate for this kernel. */
  used(id: string): void {
    this.#update(id, afterUse);
  }

  answer(id: string, message: KernelMessage): void {
    this.#update(id, (kernel, now) => afterAnswer(kernel, message, now));
  }

  channelOpened(id: string): void {
    this.#update(id, afterChannelOpened);
  }

  channelClosed(id: string): void {
    this.#update(id, afterChannelClosed);
  }

  frontEnds(id: string, count: number): void {
    // Of a kernel that has gone nothing is remembered.
    if (count === 0 && !this.#records.has(id)) return;
    this.#update(id, (kernel) => afterFrontEnds(kernel, count));
  }

  restarted(id: string): void {
    if (this.#records.has(id)) this.#update(id, afterRestart);
  }

  /** The gateway's list of all kernels, asked for at `askedAt` since boot. Those that it does not name are gone. */
  listed(list: readonly ListedKernel[], askedAt: number): void {
    const answeredAt = this.#now();
    const askedThen = answeredAt - (this.#clock.sinceBoot() - askedAt);
    for (const item of list) {
      this.#update(item.id, (kernel) => afterListing(kernel, item, askedThen, answeredAt));
    }
    const ids = new Set(list.map((item) => item.id));
    for (const [id, { knownSince }] of this.#records) {
      if (ids.has(id) || knownSince >= askedAt) continue;
      this.#records.delete(id);
      this.#onChange();
    }
  }

  activities(): KernelActivity[] {
    const now = this.#now();
    return [...this.#records].map(([id, { record }]) => activityOf(id, record, now));
  }

  /** A kernel is doing something, or what it does is not known. Waiting for input is not work. */
  get isAnyAtWork(): boolean {
    return this.activities().some(({ state }) => state === 'busy' || state === 'starting');
  }

  /** Ids of the kernels that have a process. */
  get livingIds(): string[] {
    return this.activities().flatMap(({ id, state }) => (state === 'dead' ? [] : [id]));
  }

  /** A kernel looks busy for no reason that we saw: only another list can tell when that ends. */
  get isListNeeded(): boolean {
    const now = this.#now();
    return [...this.#records].some(([id, { record }]) => {
      const { state } = activityOf(id, record, now);
      const isUnsettled = state === 'busy' || state === 'starting';
      return isUnsettled && (record.work.size === 0 || record.channels === 0);
    });
  }

  /** By the wall clock, as the gateway's own times are. When that is set, what is remembered is moved along. */
  #now(): number {
    const now = this.#clock.now();
    const bootedAt = now - this.#clock.sinceBoot();
    const jump = bootedAt - this.#bootedAt;
    if (Math.abs(jump) > JUMP_MILLISECONDS) {
      this.#bootedAt = bootedAt;
      for (const known of this.#records.values()) known.record = shifted(known.record, jump);
    }
    return now;
  }

  #update(id: string, change: (kernel: KernelRecord, now: number) => KernelRecord): void {
    const now = this.#now();
    const known = this.#records.get(id);
    const record = change(known?.record ?? newKernel(now), now);
    this.#records.set(id, { record, knownSince: known?.knownSince ?? this.#clock.sinceBoot() });
    if (!known || isVisiblyDifferent(known.record, record, now)) this.#onChange();
  }
}

function isVisiblyDifferent(before: KernelRecord, after: KernelRecord, now: number): boolean {
  const [old, current] = [activityOf('', before, now), activityOf('', after, now)];
  return (
    old.state !== current.state ||
    old.connections !== current.connections ||
    old.name !== current.name
  );
}
