// Time comes in from the entry point, so that tests and the emulator may have their own.
import { setTimeout as delay } from 'node:timers/promises';

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Returns early, without an error, when `signal` aborts. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

export function systemClock(): Clock {
  return {
    now: () => Date.now(),
    sleep: async (milliseconds, signal) => {
      try {
        await delay(milliseconds, undefined, signal ? { signal } : {});
      } catch (error) {
        if (signal?.aborted !== true) throw error;
      }
    },
  };
}
