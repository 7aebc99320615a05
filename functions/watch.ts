// The long poll: waits for a newer revision and drives progress meanwhile, since nothing tells us when an operation
// ends. One observer per session, who holds its lease, reconciles for everybody; the others read the
// record, at once when it was saved in this process.
import { randomUUID } from 'node:crypto';
import type { News } from './news.ts';
import { reconcile, type ReconcileDeps } from './reconcile.ts';
import type { SessionRecord } from './record.ts';

export interface WatchDeps extends ReconcileDeps {
  news: News;
}

export interface WatchOptions {
  afterRevision: number;
  waitSeconds: number;
  signal: AbortSignal;
}

/** Reading a record is cheap, observing is not: so many readings for each observation. */
const READS_PER_OBSERVATION = 5;

/** Looks at the world, unless somebody is doing that. */
export async function refreshSession(
  uid: string,
  deps: ReconcileDeps,
): Promise<SessionRecord | undefined> {
  const holder = randomUUID();
  if (!(await takeLease(uid, holder, deps))) return await deps.store.get(uid);
  try {
    return await reconcile(uid, deps);
  } finally {
    await deps.store.releaseLease(uid, holder);
  }
}

/** @returns the session as soon as it is newer, as it is when the time is over; undefined when it is gone */
export async function watchSession(
  uid: string,
  options: WatchOptions,
  deps: WatchDeps,
): Promise<SessionRecord | undefined> {
  const { clock, store } = deps;
  const holder = randomUUID();
  const end = clock.now() + options.waitSeconds * 1000;
  const interval = deps.config.observeIntervalSeconds * 1000;
  let nextLook = 0;
  try {
    for (;;) {
      // Before the record is read: what is saved after that is not missed.
      using listening = deps.news.listen(uid);
      const isObserver = clock.now() >= nextLook && (await takeLease(uid, holder, deps));
      const record = isObserver ? await reconcile(uid, deps) : await store.get(uid);
      if (!record || isAnswer(record, options, end, clock.now())) return record;
      if (isObserver) nextLook = clock.now() + interval;
      const pause = Math.min(interval / READS_PER_OBSERVATION, end - clock.now());
      const either = AbortSignal.any([options.signal, listening.signal]);
      await clock.sleep(Math.max(pause, 1), either);
    }
  } finally {
    await store.releaseLease(uid, holder);
  }
}

function isAnswer(
  record: SessionRecord,
  { afterRevision, signal }: WatchOptions,
  end: number,
  now: number,
): boolean {
  return record.revision > afterRevision || now >= end || signal.aborted;
}

/** Long enough for one observation, with every call at its bound, and the pause after it. */
async function takeLease(
  uid: string,
  holder: string,
  { store, clock, config }: ReconcileDeps,
): Promise<boolean> {
  const now = clock.now();
  const seconds = config.observeIntervalSeconds + 4 * config.callSeconds;
  return await store.takeLease(uid, holder, now, now + seconds * 1000);
}
