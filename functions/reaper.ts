// What Cloud Scheduler starts every minute: reconciles the sessions that are due, and the image's build, so that nothing
// waits for somebody to look; now and then also for instances that nobody knows. Called by scheduled.ts.
import { AppError } from './errors.ts';
import { sweepForgotten } from './forgotten.ts';
import { settleBuild } from './image-look.ts';
import { reconcileEach, type Tally } from './reconcile-each.ts';
import type { ReconcileDeps } from './reconcile.ts';

/** Of one taking: what eight at once can do within the time limit, however slow Google is. */
const BATCH_SIZE = 16;
/** Within the function's own time limit, with room for the calls that are under way then. */
const MAX_MILLISECONDS = 30_000;
/** Should this process die now, they are due again after so long. */
const AGAIN_MILLISECONDS = 120_000;

/** Reads only what is due, and puts it off before it works on it. */
export async function reap(deps: ReconcileDeps): Promise<Tally & { forgotten: number }> {
  const { store, clock } = deps;
  const end = clock.now() + MAX_MILLISECONDS;
  const total = { reconciled: 0, failed: 0 };
  while (clock.now() < end) {
    const now = clock.now();
    const due = await store.takeDue(now, now + AGAIN_MILLISECONDS, BATCH_SIZE);
    const { reconciled, failed } = await reconcileEach(due, deps);
    total.reconciled += reconciled;
    total.failed += failed;
    if (due.length < BATCH_SIZE) break;
  }
  await bringBuildOn(deps);
  return { ...total, forgotten: await sweepForgotten(deps) };
}

/** A build that was asked for goes on though whoever asked for it has left, or the process died before it asked. */
async function bringBuildOn(deps: ReconcileDeps): Promise<void> {
  try {
    await settleBuild(deps);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    deps.log.warn(error.message, { code: error.code });
  }
}
