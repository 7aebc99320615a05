// Waits for a condition of the real world, with a bound: tests never sleep for a fixed time.
import { setTimeout as delay } from 'node:timers/promises';
import { inTime } from './in-time.ts';

/** Polls `probe` until it answers something other than undefined or false; throws `what` after `seconds`. */
export async function until<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  seconds = 30,
): Promise<T> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    // A probe that hangs has not answered either.
    const value = await inTime(what, Promise.resolve(probe()), seconds);
    if (value !== undefined && value !== false) return value;
    if (Date.now() > end) throw new Error(`gave up after ${seconds} s: ${what}`);
    await delay(50);
  }
}
