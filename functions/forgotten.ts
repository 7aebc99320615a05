// Instances with our label whose session nobody knows, or knows another instance: a call to Google that was taken after
// all, a store that was lost. Looked for about once an hour by the reaper. What belonged to a deleted session is deleted.
// Anything else may hold somebody's work: it is suspended, which keeps that and ends most of the cost, and said in the log.
import { randomUUID } from 'node:crypto';
import {
  BACKEND_LABEL,
  backendId,
  GENERATION_LABEL,
  instanceName,
  requestIdOf,
  SESSION_LABEL,
} from './instance.ts';
import type { SeenInstance } from './observe.ts';
import { logFailure } from './reconcile-each.ts';
import { reconcile, type ReconcileDeps } from './reconcile.ts';
import type { SessionRecord } from './record.ts';

const EVERY_MILLISECONDS = 3_600_000;
/** Never given back: whoever has it is the one to look in this hour. */
const LEASE = 'forgotten-instances';

/** @returns how many there were */
export async function sweepForgotten(deps: ReconcileDeps): Promise<number> {
  const { store, clock, compute, log } = deps;
  const now = clock.now();
  if (!(await store.takeLease(LEASE, randomUUID(), now, now + EVERY_MILLISECONDS))) return 0;
  let count = 0;
  try {
    for (const instance of await compute.findInstances()) {
      if (await isForgotten(instance, deps)) count += 1;
    }
  } catch (error) {
    logFailure(log, LEASE, error);
  }
  return count;
}

async function isForgotten(instance: SeenInstance, deps: ReconcileDeps): Promise<boolean> {
  try {
    return await sweep(instance, deps);
  } catch (error) {
    // A record that cannot be read is a session all the same.
    logFailure(deps.log, instance.name, error);
    return false;
  }
}

async function sweep(instance: SeenInstance, deps: ReconcileDeps): Promise<boolean> {
  const { store, clock, compute, config, log } = deps;
  const { name, zone, status, labels } = instance;
  // Another backend of the project has sessions that we do not know.
  if (labels[BACKEND_LABEL] !== backendId(config)) return false;
  const uid = labels[SESSION_LABEL] ?? '';
  // The record is there before its instance is, so a missing one does not come later.
  const record = await store.get(uid);
  if (record && isIts(record, instance)) {
    // Started by somebody else while nothing was due: it runs, and nobody would look.
    if (status === 'RUNNING' && record.dueAt === undefined) await reconcile(uid, deps);
    return false;
  }
  const isDeleted = (await store.findTombstone(uid, clock.now())) !== undefined;
  const step = isDeleted ? 'delete' : 'suspend';
  const generation = Number(labels[GENERATION_LABEL] ?? 0);
  const attempt = Math.floor(clock.now() / EVERY_MILLISECONDS);
  const requestId = requestIdOf({ uid, generation }, step, attempt);
  if (isDeleted) await compute.deleteInstance({ zone, name }, requestId);
  else if (status === 'RUNNING') await compute.suspendInstance({ zone, name }, requestId);
  else return false;
  log.warn(`Instance ${name} in ${zone} belongs to no session: asked to ${step} it.`, { uid });
  return true;
}

/** Before it was seen, its name says so. */
function isIts(record: SessionRecord, { id, name }: SeenInstance): boolean {
  const { instance: known } = record;
  if (known) return known.id === id && !known.isGone;
  return name === instanceName(record);
}
