// Looks at the gateway again and again: is it ready, which kernels has it. main.ts starts it; what it sees goes to
// kernels.ts, and reporter.ts asks it whether the gateway is ready.
import type { Clock } from './clock.ts';
import type { Gateway } from './gateway.ts';
import type { Kernels } from './kernels.ts';
import type { Log } from './log.ts';
import { reasonOf } from './log.ts';

const READY_INTERVAL_MILLISECONDS = 5_000;
/** While only the list can tell when a kernel is done. */
const UNSETTLED_INTERVAL_MILLISECONDS = 1_500;
/** A session waits for its gateway: look often. */
const WAITING_INTERVAL_MILLISECONDS = 200;
/** Nobody waits any more for one that has not answered for so long: it is looked for as often as one that is there. */
const WAITING_MILLISECONDS = 300_000;

export interface WatchOptions {
  gateway: Gateway;
  kernels: Kernels;
  clock: Clock;
  log: Log;
  /** The kernels that the gateway named, and when it was asked, in milliseconds since boot. */
  onListed?: (ids: ReadonlySet<string>, askedAt: number) => void;
  onReadyChanged: () => void;
}

export class Watch {
  readonly #options: WatchOptions;
  #isReady = false;
  /** Undefined: the gateway is there, or has not been looked for. */
  #waitingSince: number | undefined;
  #isLooking = false;
  #isStopped = false;
  #shallLookAgain = false;
  #cancel: (() => void) | undefined;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  /** The gateway answered `/api/kernelspecs` when last asked. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** Looks now, or right after the look that is under way, and from then on at intervals. */
  look(): void {
    if (this.#isLooking) this.#shallLookAgain = true;
    else void this.#run();
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel?.();
  }

  async #run(): Promise<void> {
    this.#cancel?.();
    this.#isLooking = true;
    do {
      this.#shallLookAgain = false;
      await this.#lookOnce();
    } while (this.#shouldRepeat());
    this.#isLooking = false;
    if (this.#isStopped) return;
    this.#cancel = this.#options.clock.after(this.#interval(), () => {
      this.look();
    });
  }

  #interval(): number {
    if (!this.#isReady) return this.#waitingInterval();
    this.#waitingSince = undefined;
    const { isListNeeded } = this.#options.kernels;
    return isListNeeded ? UNSETTLED_INTERVAL_MILLISECONDS : READY_INTERVAL_MILLISECONDS;
  }

  #waitingInterval(): number {
    const now = this.#options.clock.sinceBoot();
    this.#waitingSince ??= now;
    const isLong = now - this.#waitingSince >= WAITING_MILLISECONDS;
    return isLong ? READY_INTERVAL_MILLISECONDS : WAITING_INTERVAL_MILLISECONDS;
  }

  #shouldRepeat(): boolean {
    return this.#shallLookAgain && !this.#isStopped;
  }

  async #lookOnce(): Promise<void> {
    const { gateway, kernels, clock, onListed } = this.#options;
    try {
      const isReady = await gateway.isReady();
      const askedAt = clock.sinceBoot();
      // A gateway that does not answer may still have its kernels: what is known of them is kept.
      if (isReady) {
        const list = await gateway.listKernels();
        kernels.listed(list, askedAt);
        onListed?.(new Set(list.map(({ id }) => id)), askedAt);
      }
      this.#setReady(isReady, isReady ? undefined : 'it answers, but not with 200');
    } catch (error) {
      this.#setReady(false, reasonOf(error));
    }
  }

  #setReady(isReady: boolean, reason: string | undefined): void {
    if (isReady === this.#isReady || this.#isStopped) return;
    this.#isReady = isReady;
    this.#options.log.info(isReady ? 'gateway ready' : 'gateway lost', { reason });
    this.#options.onReadyChanged();
  }
}
