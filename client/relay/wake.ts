// Notices that this machine has slept: the time of day has gone on, and timers have not. relay.ts renews the way to the
// agent then, whose connections have most likely died without a word.
import type { Clock } from '../clock.ts';

const TICK_MILLISECONDS = 1_000;
/**
 * A machine that is busy may be late by some seconds. A longer stall, or a clock that is set forward, is taken for a sleep too.
 * That does no harm: channels go on where they were, and what may be repeated is asked again; only what must not be, a
 * restart or an interrupt that is just on its way, fails, as on any cut.
 */
const ASLEEP_MILLISECONDS = 5_000;

/**
 * @param now the time of day in milliseconds
 * @returns what ends it
 */
export function onWake(clock: Clock, now: () => number, callback: () => void): () => void {
  let due = now() + TICK_MILLISECONDS;
  let cancel = clock.after(TICK_MILLISECONDS, tick);
  return () => {
    cancel();
  };

  function tick(): void {
    const hasSlept = now() - due > ASLEEP_MILLISECONDS;
    due = now() + TICK_MILLISECONDS;
    cancel = clock.after(TICK_MILLISECONDS, tick);
    if (hasSlept) callback();
  }
}
