// The claim of a step: saved before the step is done, held until its outcome is known (pure). Used by plan.ts.
import type { Config } from './config.ts';
import { withoutAgent } from './agent-report.ts';
import { assertNever } from './errors.ts';
import { instanceName, requestIdOf } from './instance.ts';
import type { Observed, SeenOperation } from './observe.ts';
import type { SessionRecord, StepClaim, StepKind, Trouble } from './record.ts';
import { isWanted, zoneOf, zonesOf } from './session.ts';
import { withoutSleep } from './sleep.ts';

/** Between the save of a claim and the call that it announces. */
const SLACK_MILLISECONDS = 1000;
/** What failed is tried again after so long, where it ends something. */
const RETRY_MILLISECONDS = 600_000;

export function claimStep(
  record: SessionRecord,
  step: StepKind,
  now: number,
  config: Config,
): SessionRecord {
  const next = withStepBegun(record, step, config);
  const claim: StepClaim = {
    step,
    attempt: next.attempt,
    requestId: requestIdOf(next, step, next.attempt),
    deadline: deadlineOf(record, step, now, config),
    callUntil: callUntil(now, config),
  };
  return { ...next, claim };
}

/** The claim is held until its operation has ended or, if there is none, until no call can begin any more. */
export function settleClaim(record: SessionRecord, observed: Observed, now: number): SessionRecord {
  const { claim } = record;
  if (!claim) return record;
  const { operation, instance } = observed;
  if (claim.step === 'grant') return settleGrant(record, observed, now);
  if (operation?.status === 'done') return withOutcome(record, observed, now, operation);
  if (operation) return { ...record, claim: { ...claim, operation: operation.name } };
  if (claim.step === 'insert' && instance !== 'absent' && instance.status === 'RUNNING') {
    return withOutcome(record, observed, now);
  }
  if (now <= claim.deadline) return record;
  // Nobody made the call, or Google never took it: said if we know why, otherwise planned anew, with the same id.
  return withFailure({ ...record, claim: undefined }, claim, claim.trouble, now);
}

/** What the call itself was answered: a refusal is certain, any other trouble is not. */
export function noteTrouble(
  record: SessionRecord,
  { callTrouble }: Observed,
  now: number,
): SessionRecord {
  const { claim } = record;
  if (!claim || claim.requestId !== callTrouble?.requestId) return record;
  const { code, message, isRetryable } = callTrouble;
  if (isRetryable) return { ...record, claim: { ...claim, trouble: { code, message } } };
  // After a call of uncertain outcome the claim stays: that call may still have been taken.
  const next = { ...record, claim: claim.trouble ? claim : undefined };
  return withFailure(next, claim, { code, message }, now);
}

/** The same call again, with the same id, when whoever made it can no longer be waiting for the answer. */
export function repeatCall(
  record: SessionRecord,
  now: number,
  config: Config,
): SessionRecord | undefined {
  const { claim } = record;
  if (!claim || claim.operation !== undefined || record.failure) return undefined;
  if (!isWanted(claim.step, record.want) || now < claim.callUntil) return undefined;
  if (now + config.callSeconds * 1000 > claim.deadline) return undefined;
  return { ...record, claim: { ...claim, callUntil: callUntil(now, config) } };
}

/** A grant has no operation, and opposes nothing: it is seen, or given up when nobody wants it any more. */
function settleGrant(
  record: SessionRecord,
  { isGranted, instance }: Observed,
  now: number,
): SessionRecord {
  const { claim } = record;
  if (!claim) return record;
  if (isGranted === true) return { ...record, claim: undefined, attempt: record.attempt + 1 };
  const isUp = instance !== 'absent' && instance.status === 'RUNNING';
  if (record.want !== 'running' || !isUp) return { ...record, claim: undefined };
  if (now <= claim.deadline) return record;
  return { ...record, claim: undefined, failure: record.failure ?? claim.trouble };
}

function withOutcome(
  record: SessionRecord,
  observed: Observed,
  now: number,
  operation?: SeenOperation,
): SessionRecord {
  const { claim } = record;
  const next = { ...record, claim: undefined, attempt: record.attempt + 1 };
  if (claim && operation?.error) return withFailure(next, claim, operation.error, now);
  const isInsert = claim?.step === 'insert';
  if (!isInsert || observed.instance !== 'absent' || operation?.targetId === undefined) return next;
  // Made, and gone before anybody saw it.
  const id = operation.targetId;
  const zone = zoneOf(record);
  const gone = { id, name: instanceName(record), zone, status: '', hasRun: false, isGone: true };
  return { ...next, instance: gone };
}

/**
 * A zone without room leads on to the next; a suspend that fails leaves the session awake; all else is said, unless
 * nobody wants that step any more.
 */
function withFailure(
  record: SessionRecord,
  { step }: StepClaim,
  trouble: Trouble | undefined,
  now: number,
): SessionRecord {
  // One that its owner has asked for, and that nobody came to call, is planned anew: no agreement runs out with it.
  const isUncalled = trouble === undefined && record.sleep === undefined;
  if (step === 'suspend' && !isUncalled) return withoutSleep(record, now, trouble);
  const failure = record.failure ?? (isWanted(step, record.want) ? trouble : undefined);
  const hasOtherZone = record.zoneIndex + 1 < zonesOf(record.spec).length;
  if (step !== 'insert' || failure?.isStockout !== true || !hasOtherZone) {
    return { ...record, failure, retryAt: now + RETRY_MILLISECONDS };
  }
  return { ...record, failure: undefined, zoneIndex: record.zoneIndex + 1 };
}

function withStepBegun(record: SessionRecord, step: StepKind, config: Config): SessionRecord {
  const { agent } = record;
  switch (step) {
    case 'insert':
      return { ...withNextGeneration(withoutAgent(record), config), mayHoldKernels: false };
    case 'start':
      // The policy may have been changed while it was off: looked at again.
      return { ...withoutAgent(record), mayHoldKernels: false, grantedFor: undefined };
    case 'resume':
      // The same boot, though Google will move its start time.
      return agent ? { ...record, agent: { ...agent, instanceStartedAt: undefined } } : record;
    case 'suspend':
    case 'stop':
    case 'delete':
    case 'grant':
      return record;
    default:
      return assertNever(step);
  }
}

/** A generation is inserted again only while no instance of it was ever seen. */
function withNextGeneration(record: SessionRecord, { tokenKeys }: Config): SessionRecord {
  if (record.generation > 0 && record.instance === undefined) return record;
  const generation = record.generation + 1;
  return { ...record, generation, instance: undefined, keyVersion: tokenKeys.currentVersion };
}

/** A sleep is never begun after what the agent has agreed to. */
function deadlineOf(record: SessionRecord, step: StepKind, now: number, config: Config): number {
  const deadline = now + config.claimSeconds * 1000;
  const agreedUntil = step === 'suspend' ? record.sleep?.agreedUntil : undefined;
  return Math.min(deadline, agreedUntil ?? deadline);
}

function callUntil(now: number, config: Config): number {
  return now + config.callSeconds * 1000 + SLACK_MILLISECONDS;
}
