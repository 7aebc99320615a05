// What the agent of an instance does: register, and report. Both only name a session; `reconcile` looks for itself.
import type { z } from 'zod';
import { accessTokenOf } from './access-token.ts';
import { withRegistration, withReport } from './agent-report.ts';
import { checkInstance, noSession, type InstanceClaims } from './caller.ts';
import { changeSession } from './change.ts';
import type {
  registerRequest,
  registerResponse,
  ReportRequest,
  ReportResponse,
} from './contract.ts';
import { AppError } from './errors.ts';
import { reconcile, type ReconcileDeps } from './reconcile.ts';
import type { SessionRecord } from './record.ts';
import { sleepWords, withSleepTold } from './sleep.ts';

/** May come before anybody has seen the instance, so it is looked at first. */
export async function registerAgent(
  id: string,
  claims: InstanceClaims,
  request: z.infer<typeof registerRequest>,
  deps: ReconcileDeps,
): Promise<z.infer<typeof registerResponse>> {
  const known = await deps.store.get(id);
  // Whoever is not this session's instance starts nothing.
  if (known?.instance) checkInstance(known, claims);
  const seen = await reconcile(id, deps);
  if (!seen) throw noSession(id);
  if (!seen.instance) throw notSeenYet();
  const record = await changeSession(
    id,
    (current) => {
      checkInstance(current, claims);
      return withRegistration(current, request);
    },
    deps,
  );
  if (!record) throw noSession(id);
  return { accessToken: accessTokenOf(record, deps.config.tokenKeys), ...timesOf(record, deps) };
}

export async function noteReport(
  id: string,
  claims: InstanceClaims,
  report: ReportRequest,
  deps: ReconcileDeps,
): Promise<ReportResponse> {
  const change = (record: SessionRecord, now: number) => {
    checkInstance(record, claims);
    return withReport(record, report, now);
  };
  if (!(await changeSession(id, change, deps))) throw noSession(id);
  if (!(await reconcile(id, deps))) throw noSession(id);
  // Saved before it is said: what the agent may agree to counts from then.
  const told = await changeSession(id, withSleepTold, deps);
  if (!told) throw noSession(id);
  return { ...timesOf(told, deps), ...sleepWords(told, deps.clock.now()) };
}

/** A machine that nobody can reach, nor put to sleep, waits twice as long as one that can be. */
function timesOf({ spec }: SessionRecord, { config }: ReconcileDeps) {
  return {
    reportIntervalSeconds: config.reportIntervalSeconds,
    deadManSeconds: 2 * spec.idleTimeoutSeconds,
  };
}

/** Compute Engine did not answer, or does not list the instance yet. */
function notSeenYet(): AppError {
  return new AppError('UNAVAILABLE', 'The instance has not been seen yet; register again.', {
    isRetryable: true,
  });
}
