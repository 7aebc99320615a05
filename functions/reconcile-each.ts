// Reconciles many sessions, some at once, each on its own. Used by reaper.ts and build-events.ts.
import { AppError } from './errors.ts';
import type { Log } from './log.ts';
import { reconcile, type ReconcileDeps } from './reconcile.ts';

const MAX_AT_ONCE = 8;

export interface Tally {
  reconciled: number;
  failed: number;
}

/** A session that cannot be read, or whose calls to Google fail, is logged and holds nobody up. */
export async function reconcileEach(uids: readonly string[], deps: ReconcileDeps): Promise<Tally> {
  const tally = { reconciled: 0, failed: 0 };
  const waiting = uids.values();
  const worker = async () => {
    for (const uid of waiting) {
      try {
        await reconcile(uid, deps);
        tally.reconciled += 1;
      } catch (error) {
        tally.failed += 1;
        logFailure(deps.log, uid, error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(MAX_AT_ONCE, uids.length) }, worker));
  return tally;
}

/** Of work on one session that nobody waits for. */
export function logFailure(log: Log, uid: string, error: unknown): void {
  if (error instanceof AppError) log.warn(error.message, { session: uid, code: error.code });
  else log.bug(error, { session: uid });
}
