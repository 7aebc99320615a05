// The emulator's one clock: what durations, token lifetimes and time limits run on. Tests give their own.

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Runs `callback` once after the time; returns what cancels it. */
  after(milliseconds: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after(milliseconds, callback) {
    const timer = setTimeout(callback, milliseconds);
    return () => {
      clearTimeout(timer);
    };
  },
};

export function delay(clock: Clock, milliseconds: number): Promise<void> {
  if (milliseconds <= 0) return Promise.resolve();
  return new Promise((resolve) => {
    clock.after(milliseconds, resolve);
  });
}

/** Settles with `promise`, or after the time, whichever is first; leaves no timer behind. */
export async function waitAtMost(
  clock: Clock,
  milliseconds: number,
  promise: Promise<void>,
): Promise<void> {
  const limit = Promise.withResolvers<undefined>();
  const cancel = clock.after(milliseconds, () => {
    limit.resolve(undefined);
  });
  try {
    await Promise.race([promise, limit.promise]);
  } finally {
    cancel();
  }
}

/** Google's form of a time in resources: RFC 3339 with milliseconds and an offset. */
export function timestamp(clock: Clock): string {
  return timestampOf(clock.now());
}

/** @param time in milliseconds since the epoch */
export function timestampOf(time: number): string {
  return new Date(time).toISOString().replace('Z', '-00:00');
}

/** The form of Google's newer APIs: UTC with nanoseconds, always nine digits, so that texts compare as times do. */
export function rpcTimestamp(milliseconds: number, nanoseconds = 0): string {
  const digits = String(nanoseconds).padStart(6, '0');
  return new Date(milliseconds).toISOString().replace('Z', `${digits}Z`);
}
