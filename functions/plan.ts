// (record, observed, now, config) -> the next record and the step to take, as data. Pure: all decisions about
// instances are here and in claim.ts. reconcile.ts saves the record, then apply.ts takes the step.
import { withoutAgent, withoutReport } from './agent-report.ts';
import { claimStep, noteTrouble, repeatCall, settleClaim } from './claim.ts';
import type { Config } from './config.ts';
import { newLifetime } from './intent.ts';
import type { Want } from './contract.ts';
import { assertNever } from './errors.ts';
import { instanceLost, neverReady, stoppedWhileBooting } from './failures.ts';
import type { Observed, SeenInstance } from './observe.ts';
import type { SessionRecord, StepClaim, StepKind } from './record.ts';
import { isUsable, phaseOf, type Phase } from './session.ts';
import { judgeSleep } from './sleep.ts';

export interface Plan {
  /** Undefined: the instance is gone and the record may go too. */
  next: SessionRecord | undefined;
  /** To be applied after `next` is saved: `next.claim`. */
  step?: StepClaim;
}

export function plan(record: SessionRecord, observed: Observed, now: number, config: Config): Plan {
  const settled = noteTrouble(settleClaim(record, observed, now), observed, now);
  const seen = noteGrant(noteInstance(withImages(settled, observed), observed, now), observed);
  if (seen.claim) return planWaiting(judgeBoot(seen, now, config), now, config);
  const judged = judgeBoot(judgeWant(judgeSleep(seen, now, config), now), now, config);
  if (isGone(judged)) return { next: undefined };
  if (judged.failure) return planFailed(judged, now, config);
  return planStep(judged, now, config);
}

/** Somebody is at a step. If nobody can be any more and Google knows nothing of it, the same call is made again. */
function planWaiting(record: SessionRecord, now: number, config: Config): Plan {
  const repeated = repeatCall(record, now, config);
  return repeated?.claim ? { next: repeated, step: repeated.claim } : { next: record };
}

/** Deleted, and nothing is left. */
function isGone({ want, instance }: SessionRecord): boolean {
  const phase = phaseOf(instance);
  return want === 'deleted' && (phase === 'none' || phase === 'gone');
}

/**
 * Nobody but the owner decides what becomes of it. What they have decided is tried again: they may have left, and the
 * machine would run for ever. So would one that never held a kernel.
 */
function planFailed(record: SessionRecord, now: number, config: Config): Plan {
  const at = failedDueAt(record, config);
  if (at === undefined || at > now) return { next: record };
  if (isToEnd(record)) return planStep({ ...record, failure: undefined }, now, config);
  return planClaim(record, 'stop', now, config);
}

/** When something is done about a session that has failed, without anybody asking; ms since the epoch. */
export function failedDueAt(
  record: SessionRecord,
  config: Pick<Config, 'bootTimeoutSeconds'>,
): number | undefined {
  const { retryAt = 0 } = record;
  if (isToEnd(record)) return retryAt;
  const at = forgottenAt(record, config);
  return at === undefined ? undefined : Math.max(at, retryAt);
}

/** Its owner, or a sleep that was agreed, wants the machine off; only the call has failed. */
function isToEnd({ want, isWantPending, instance }: SessionRecord): boolean {
  if (want === 'running' || !isWantPending) return false;
  return want !== 'suspended' || phaseOf(instance) === 'running';
}

/** When a machine that cannot hold a kernel is switched off: none of our users ever got in. */
function forgottenAt(
  { instance, mayHoldKernels, grantedFor, bootingSince, agent, spec }: SessionRecord,
  { bootTimeoutSeconds }: Pick<Config, 'bootTimeoutSeconds'>,
): number | undefined {
  if (phaseOf(instance) !== 'running' || bootingSince === undefined) return undefined;
  const kernels = agent?.report?.kernels ?? [];
  const isUntouched = grantedFor !== instance?.id && kernels.length === 0;
  if (mayHoldKernels && !isUntouched) return undefined;
  return bootingSince + (bootTimeoutSeconds + spec.idleTimeoutSeconds) * 1000;
}

function planStep(record: SessionRecord, now: number, config: Config): Plan {
  const phase = phaseOf(record.instance);
  const step = record.isWantPending ? neededStep(record, phase) : neededGrant(record, phase);
  return step ? planClaim(record, step, now, config) : { next: record };
}

function planClaim(record: SessionRecord, step: StepKind, now: number, config: Config): Plan {
  const next = claimStep(record, step, now, config);
  return next.claim ? { next, step: next.claim } : { next };
}

function neededStep(record: SessionRecord, phase: Phase): StepKind | undefined {
  switch (record.want) {
    case 'running':
      return record.images ? stepToRun(phase) : undefined;
    case 'suspended':
      return phase === 'running' ? 'suspend' : undefined;
    case 'stopped':
      // The agent has agreed to switch the machine off itself.
      if (record.sleep) return undefined;
      return phase === 'running' || phase === 'rising' || phase === 'suspended'
        ? 'stop'
        : undefined;
    case 'deleted':
      return 'delete';
    default:
      return assertNever(record.want);
  }
}

/** Only a session that is up asks for it, so it comes after the insert is done. */
function neededGrant(
  { want, instance, grantedFor }: SessionRecord,
  phase: Phase,
): StepKind | undefined {
  const isUp = want === 'running' && phase === 'running';
  return isUp && grantedFor !== instance?.id ? 'grant' : undefined;
}

function stepToRun(phase: Phase): StepKind | undefined {
  switch (phase) {
    case 'none':
    case 'gone':
      return 'insert';
    case 'stopped':
      return 'start';
    case 'suspended':
      return 'resume';
    case 'rising':
    case 'running':
    case 'stopping':
    case 'suspending':
      return undefined;
    default:
      return assertNever(phase);
  }
}

function withImages(record: SessionRecord, { images }: Observed): SessionRecord {
  if (!images || record.images) return record;
  switch (images.kind) {
    case 'pinned':
      return { ...record, images: images.images, waitsForImage: undefined };
    case 'building':
      return { ...record, waitsForImage: images.image };
    case 'failed':
      return { ...record, waitsForImage: undefined, failure: record.failure ?? images.trouble };
    default:
      return assertNever(images);
  }
}

function noteGrant(record: SessionRecord, { isGranted, grantTrouble }: Observed): SessionRecord {
  if (grantTrouble) return { ...record, failure: record.failure ?? grantTrouble };
  return isGranted === true ? { ...record, grantedFor: record.instance?.id } : record;
}

/** What was seen of the instance; a 404 is believed only when no step is under way. */
function noteInstance(
  record: SessionRecord,
  { instance: seen }: Observed,
  now: number,
): SessionRecord {
  const known = record.instance;
  if (seen !== 'absent') {
    const next = noteBoot({ ...record, instance: knownOf(record, seen) });
    const isUpNow = phaseOf(next.instance) === 'running' && phaseOf(known) !== 'running';
    // Idle time begins here, however long it took to get here.
    return isUpNow ? { ...next, activeAt: now } : next;
  }
  if (!known || known.isGone || record.claim) return record;
  return withoutAgent({ ...record, instance: { ...known, isGone: true } });
}

function knownOf(record: SessionRecord, seen: SeenInstance): SessionRecord['instance'] {
  const { id, name, zone, status, internalIp, startedAt } = seen;
  const hasRun = record.instance?.hasRun === true || status === 'RUNNING';
  return { id, name, zone, status, internalIp, startedAt, hasRun, isGone: false };
}

/** Which boot the agent is of: none once the machine is off, a doubtful one when it was started since. */
function noteBoot(record: SessionRecord): SessionRecord {
  const { agent, instance, claim } = record;
  const phase = phaseOf(instance);
  // The boot is over, and its kernels with it.
  if (phase === 'stopped' && claim?.step !== 'start')
    return { ...withoutAgent(record), mayHoldKernels: false };
  if (!agent || phase !== 'running') return record;
  const { instanceStartedAt } = agent;
  if (instanceStartedAt === instance?.startedAt) return record;
  if (instanceStartedAt !== undefined) return withoutReport(record);
  return { ...record, agent: { ...agent, instanceStartedAt: instance?.startedAt } };
}

/** Is the instance where it was asked to be? And if it was there and has left: that is somebody else's doing. */
function judgeWant(record: SessionRecord, now: number): SessionRecord {
  const phase = phaseOf(record.instance);
  if (hasReached(record.want, phase)) {
    const isHealthy = record.want !== 'running';
    return {
      ...record,
      isWantPending: false,
      failure: isHealthy ? undefined : record.failure,
      sleepTrouble: isHealthy ? undefined : record.sleepTrouble,
    };
  }
  const isOff = phase === 'stopped' || phase === 'none' || phase === 'gone';
  // What is off cannot be suspended any more.
  if (record.want === 'suspended' && isOff) return adoptDeparture(record, phase, now);
  if (record.isWantPending || record.failure) return record;
  return adoptDeparture(record, phase, now);
}

function hasReached(want: Want, phase: Phase): boolean {
  switch (want) {
    case 'running':
      return phase === 'running';
    case 'suspended':
      return phase === 'suspended';
    case 'stopped':
      return phase === 'stopped' || phase === 'none' || phase === 'gone';
    case 'deleted':
      // Reached is not a state of the record but its end.
      return false;
    default:
      return assertNever(want);
  }
}

/**
 * Stopped, suspended or started by somebody else: we do not fight them, we take it over as what is wanted. The
 * agent's own switching off comes this way too.
 */
function adoptDeparture(record: SessionRecord, phase: Phase, now: number): SessionRecord {
  switch (phase) {
    case 'running':
      return { ...record, ...newLifetime(record, now), want: 'running' };
    case 'suspended':
      return { ...record, want: 'suspended' };
    case 'stopped':
      if (record.want === 'running' && now < (record.startAgainUntil ?? 0)) {
        return { ...record, isWantPending: true, startAgainUntil: undefined };
      }
      if (record.bootingSince === undefined) {
        return { ...record, want: 'stopped', isWantPending: false };
      }
      return { ...record, bootingSince: undefined, failure: stoppedWhileBooting(record) };
    case 'none':
      // Nothing was made before it was to sleep: nothing is lost.
      if (record.want === 'suspended') return { ...record, want: 'stopped', isWantPending: false };
      return { ...record, isWantPending: false, failure: instanceLost(record) };
    case 'gone':
      return { ...record, isWantPending: false, failure: instanceLost(record) };
    case 'rising':
    case 'stopping':
    case 'suspending':
      return record;
    default:
      return assertNever(phase);
  }
}

/** An instance that runs has so long to get its gateway to answer. A good report heals (agent-report.ts), also late. */
function judgeBoot(record: SessionRecord, now: number, config: Config): SessionRecord {
  if (phaseOf(record.instance) !== 'running') return { ...record, bootingSince: undefined };
  if (record.want !== 'running') return record;
  if (isUsable(record)) return { ...record, bootingSince: undefined };
  const bootingSince = record.bootingSince ?? now;
  const isLate = now - bootingSince >= config.bootTimeoutSeconds * 1000;
  const failure = record.failure ?? (isLate ? neverReady(record, config) : undefined);
  return { ...record, bootingSince, failure };
}
