// The agent's view of time; bin.ts hands in the real one.
import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';

export interface Clock {
  /** Milliseconds since the epoch; may be set, and jumps over sleep. */
  now(): number;
  /** Milliseconds since boot, sleep included; never set. */
  sinceBoot(): number;
  /** The boot that `sinceBoot` counts from: another one is another name. */
  bootId(): string;
  /** Milliseconds since some moment, in which the machine was awake. */
  awake(): number;
  /** Runs `callback` once after the time, as the machine is awake; returns what cancels it. */
  after(milliseconds: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  // libuv reads /proc/uptime, or else CLOCK_BOOTTIME (src/unix/linux.c).
  sinceBoot: () => uptime() * 1000,
  // random(4): the kernel makes it once, at boot, for the machine and all its containers.
  bootId: () => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
  // CLOCK_MONOTONIC, as timers are.
  awake: () => performance.now(),
  after(milliseconds, callback) {
    const timer = setTimeout(callback, milliseconds);
    return () => {
      clearTimeout(timer);
    };
  },
};
