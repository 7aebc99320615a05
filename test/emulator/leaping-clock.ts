// The system's clock, which leaps ahead when the test says so: what is due then happens at once.
import { systemClock, type Clock } from '../../emulator/clock.ts';

export interface LeapingClock extends Clock {
  leap(milliseconds: number): void;
}

interface Timer {
  at: number;
  cancel: () => void;
  callback: () => void;
}

export function createLeapingClock(): LeapingClock {
  let ahead = 0;
  const timers = new Set<Timer>();
  const now = () => systemClock.now() + ahead;
  return {
    now,
    after(milliseconds, callback) {
      const cancel = systemClock.after(milliseconds, () => {
        timers.delete(timer);
        callback();
      });
      const timer: Timer = { at: now() + milliseconds, cancel, callback };
      timers.add(timer);
      return () => {
        timers.delete(timer);
        cancel();
      };
    },
    leap(milliseconds) {
      ahead += milliseconds;
      for (const timer of [...timers].filter(({ at }) => at <= now())) {
        timers.delete(timer);
        timer.cancel();
        timer.callback();
      }
    },
  };
}
