// The one path of every trigger: load -> observe -> plan -> save -> apply. It never trusts what woke it up.
import { apply, type ApplyDeps } from './apply.ts';
import { AppError } from './errors.ts';
import type { Log } from './log.ts';
import { observe, type CallTrouble, type Looks, type Observed } from './observe.ts';
import { plan, type Plan } from './plan.ts';
import { revise } from './revision.ts';
import type { SessionRecord, StepClaim } from './record.ts';
import { findImages, type ImageLookDeps } from './image-look.ts';
import { AGENT_PORT } from './contract.ts';
import type { SessionStore } from './store/session-store.ts';

export interface ReconcileDeps extends ApplyDeps, ImageLookDeps {
  store: SessionStore;
  compute: ApplyDeps['compute'] & Omit<Looks, 'findImages' | 'hasGrant'>;
  log: Log;
}

/** How long a DELETE may be repeated, and a late instance is known to be ours to delete. */
const TOMBSTONE_MILLISECONDS = 7 * 86_400_000;

/** Each round that does not end it was lost to somebody who has saved, so they have gone on from what we had. */
const MAX_ROUNDS = 12;

/** @returns the session as it is now; undefined when there is none (any more) */
export async function reconcile(
  uid: string,
  deps: ReconcileDeps,
): Promise<SessionRecord | undefined> {
  let callTrouble: CallTrouble | undefined;
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const record = await deps.store.get(uid);
    if (!record) return undefined;
    const planned = await look(record, callTrouble, deps);
    if (!planned) return record;
    const saved = await save(record, planned, deps);
    if (saved === 'conflict') continue;
    if (saved === 'removed') return undefined;
    if (!planned.step) return saved;
    callTrouble = await take(saved, planned.step, deps);
    if (!callTrouble) return saved;
  }
  return await deps.store.get(uid);
}

async function take(
  record: SessionRecord,
  claim: StepClaim,
  deps: ReconcileDeps,
): Promise<CallTrouble | undefined> {
  const error = await apply(record, claim, deps);
  if (!error) return undefined;
  const { step, requestId } = claim;
  const { code, message, isRetryable } = error;
  deps.log.warn(message, { session: record.uid, step, code });
  return { requestId, code, message, isRetryable };
}

/** Undefined: Google could not be asked just now, which says nothing about the session. */
async function look(
  record: SessionRecord,
  callTrouble: CallTrouble | undefined,
  deps: ReconcileDeps,
): Promise<Plan | undefined> {
  let observed: Observed;
  try {
    observed = { ...(await observe(record, looksOf(deps))), callTrouble };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    deps.log.warn(error.message, { session: record.uid, code: error.code });
    if (error.isRetryable) return undefined;
    return { next: { ...record, failure: { code: error.code, message: error.message } } };
  }
  return plan(record, observed, deps.clock.now(), deps.config);
}

function looksOf(deps: ReconcileDeps): Looks {
  const { compute, grants, config } = deps;
  return {
    findImages: (record) => findImages(record, deps),
    hasGrant: (target, email) =>
      config.grantsTunnels ? grants.hasGrant(target, email, AGENT_PORT) : Promise.resolve(true),
    findInstances: (sessionId) => compute.findInstances(sessionId),
    getInstance: (zone, name) => compute.getInstance(zone, name),
    findOperation: (zone, requestId) => compute.findOperation(zone, requestId),
  };
}

/** A session in which nothing changed is not saved. */
async function save(
  record: SessionRecord,
  { next }: Plan,
  { store, clock, config }: ReconcileDeps,
): Promise<SessionRecord | 'conflict' | 'removed'> {
  if (!next) {
    const expireAt = clock.now() + TOMBSTONE_MILLISECONDS;
    return (await store.remove(record, expireAt)) ? 'removed' : 'conflict';
  }
  const revised = revise(record, next, clock.now(), config.bootTimeoutSeconds);
  if (revised === record) return record;
  return (await store.save(revised)) ?? 'conflict';
}
