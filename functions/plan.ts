// (record, observed, now, config) -> the next record and the step to take, as data. Pure: all decisions about
// instances are here and in claim.ts. reconcile.ts saves the record, then apply.ts takes the step.
import { withoutAgent, withoutReport } from './agent-report.ts';
import { claimStep, noteTrouble, repeatCall, settleClaim } from './claim.ts';
import type { Config } from './config.ts';
import type { Want } from './contract.ts';
import { assertNever } from './errors.ts';
import { instanceLost, neverReady, stoppedWhileBooting } from './failures.ts';
import type { Observed, SeenInstance } from './observe.ts';
import type { SessionRecord, StepClaim, StepKind } from './record.ts';
import { isGatewayReady, phaseOf, type Phase } from './session.ts';

export interface Plan {
  /** Undefined: the instance is gone and the record may go too. */
  next: SessionRecord | undefined;
  /** To be applied after `next` is saved: `next.claim`. */
  step?: StepClaim;
}

export function plan(record: SessionRecord, observed: Observed, now: number, config: Config): Plan {
  const settled = noteTrouble(settleClaim(record, observed, now), observed);
  const seen = noteInstance(withImages(settled, observed), observed);
  if (seen.claim) return planWaiting(judgeBoot(seen, now, config), now, config);
  const judged = judgeBoot(judgeWant(seen), now, config);
  if (judged.failure) return { next: judged };
  return planStep(judged, now, config);
}

/** Somebody is at a step. If nobody can be any more and Google knows nothing of it, the same call is made again. */
function planWaiting(record: SessionRecord, now: number, config: Config): Plan {
  const repeated = repeatCall(record, now, config);
  return repeated?.claim ? { next: repeated, step: repeated.claim } : { next: record };
}

function planStep(record: SessionRecord, now: number, config: Config): Plan {
  const phase = phaseOf(record.instance);
  if (record.want === 'deleted' && (phase === 'none' || phase === 'gone'))
    return { next: undefined };
  const step = record.isWantPending ? neededStep(record, phase) : undefined;
  if (!step) return { next: record };
  const next = claimStep(record, step, now, config);
  return next.claim ? { next, step: next.claim } : { next };
}

function neededStep(record: SessionRecord, phase: Phase): StepKind | undefined {
  switch (record.want) {
    case 'running':
      return record.images ? stepToRun(phase) : undefined;
    case 'stopped':
      return phase === 'running' || phase === 'rising' || phase === 'suspended'
        ? 'stop'
        : undefined;
    case 'deleted':
      return 'delete';
    case 'suspended':
      // Only ever adopted, from an instance that was suspended outside.
      return undefined;
    default:
      return assertNever(record.want);
  }
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
  return images && !record.images ? { ...record, images } : record;
}

/** What was seen of the instance; a 404 is believed only when no step is under way. */
function noteInstance(record: SessionRecord, { instance: seen }: Observed): SessionRecord {
  const known = record.instance;
  if (seen !== 'absent') return noteBoot({ ...record, instance: knownOf(record, seen) });
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
  if (phase === 'stopped' && claim?.step !== 'start') return withoutAgent(record);
  if (!agent || phase !== 'running') return record;
  const { instanceStartedAt } = agent;
  if (instanceStartedAt === instance?.startedAt) return record;
  if (instanceStartedAt !== undefined) return withoutReport(record);
  return { ...record, agent: { ...agent, instanceStartedAt: instance?.startedAt } };
}

/** Is the instance where it was asked to be? And if it was there and has left: that is somebody else's doing. */
function judgeWant(record: SessionRecord): SessionRecord {
  const phase = phaseOf(record.instance);
  if (hasReached(record.want, phase)) {
    const isHealthy = record.want !== 'running';
    return {
      ...record,
      isWantPending: false,
      failure: isHealthy ? undefined : record.failure,
    };
  }
  if (record.isWantPending || record.failure) return record;
  return adoptDeparture(record, phase);
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
function adoptDeparture(record: SessionRecord, phase: Phase): SessionRecord {
  switch (phase) {
    case 'running':
      return { ...record, want: 'running' };
    case 'suspended':
      return { ...record, want: 'suspended' };
    case 'stopped':
      if (record.bootingSince === undefined) return { ...record, want: 'stopped' };
      return { ...record, bootingSince: undefined, failure: stoppedWhileBooting(record) };
    case 'none':
    case 'gone':
      return { ...record, failure: instanceLost(record) };
    case 'rising':
    case 'stopping':
    case 'suspending':
      return record;
    default:
      return assertNever(phase);
  }
}

/** An instance that runs has so long to get its gateway to answer. A good report heals, whenever it comes. */
function judgeBoot(record: SessionRecord, now: number, config: Config): SessionRecord {
  if (phaseOf(record.instance) !== 'running') return { ...record, bootingSince: undefined };
  if (record.want !== 'running') return record;
  if (isGatewayReady(record)) return { ...record, bootingSince: undefined, failure: undefined };
  const bootingSince = record.bootingSince ?? now;
  const isLate = now - bootingSince >= config.bootTimeoutSeconds * 1000;
  const failure = record.failure ?? (isLate ? neverReady(record, config) : undefined);
  return { ...record, bootingSince, failure };
}
