// Turns a changed record into the one to save: counts what a user could see, keeps the timeline, says when to look
// again (pure). Every change of a record goes through `revise`.
import { isDeepStrictEqual } from 'node:util';
import type { SessionRecord } from './record.ts';
import { failedDueAt } from './plan.ts';
import { isUsable, phaseOf, stateOf } from './session.ts';
import { sleepDueAt } from './sleep.ts';
import { asStored } from './store/stored-record.ts';
import { viewOf, waitingForOf } from './view.ts';

const MAX_TIMELINE = 50;
/** Where nothing tells us when it ends, such as an instance that somebody else is stopping. */
const LOOK_AGAIN_MILLISECONDS = 60_000;

/** Answers `before` itself when nothing changed: then there is nothing to save. */
export function revise(
  before: SessionRecord,
  after: SessionRecord,
  now: number,
  bootTimeoutSeconds: number,
): SessionRecord {
  if (isDeepStrictEqual(asStored(before), asStored(after))) return before;
  const timeline = timelineOf(before, after, now);
  const dueAt = dueAtOf(after, now, bootTimeoutSeconds);
  const next = { ...after, timeline, dueAt };
  if (isDeepStrictEqual(visible(before), visible(next))) return next;
  return { ...next, revision: before.revision + 1, updatedAt: now };
}

function timelineOf(before: SessionRecord, after: SessionRecord, now: number) {
  const message = entryOf(after);
  if (message === entryOf(before)) return after.timeline;
  return [...after.timeline, { at: now, message: message.slice(0, 600) }].slice(-MAX_TIMELINE);
}

function entryOf(record: SessionRecord): string {
  const reason = record.failure?.message ?? waitingForOf(record);
  return reason === '' ? stateOf(record) : `${stateOf(record)}: ${reason}`;
}

function dueAtOf(record: SessionRecord, now: number, bootTimeoutSeconds: number) {
  if (record.claim) return Math.max(record.claim.callUntil, now);
  const isUp = record.want === 'running' && phaseOf(record.instance) === 'running';
  const times = [
    nextLookAt(record, isUp, now, bootTimeoutSeconds),
    isUp ? record.lifetimeEndsAt : undefined,
  ].filter((time) => time !== undefined);
  return times.length === 0 ? undefined : Math.min(...times);
}

function nextLookAt(
  record: SessionRecord,
  isUp: boolean,
  now: number,
  bootTimeoutSeconds: number,
): number | undefined {
  const { bootingSince } = record;
  const lookAgainAt = now + LOOK_AGAIN_MILLISECONDS;
  const phase = phaseOf(record.instance);
  if (phase === 'rising' || phase === 'stopping' || phase === 'suspending') return lookAgainAt;
  // The boot's time limit begins with the next look.
  if (isUp && bootingSince === undefined && !isUsable(record)) return lookAgainAt;
  if (record.failure) return failedDueAt(record, { bootTimeoutSeconds });
  if (isUp && bootingSince !== undefined) return bootingSince + bootTimeoutSeconds * 1000;
  if (record.isWantPending) return lookAgainAt;
  return phase === 'running' ? sleepDueAt(record) : undefined;
}

/** Without what every report moves on: a kernel that stays idle is no news. */
function visible(record: SessionRecord): unknown {
  const view = viewOf(record);
  const kernels = view.kernels.map((kernel) => ({ ...kernel, idleSeconds: 0 }));
  return asStored({ ...view, kernels });
}
