// The claim of a step: saved before the step is done, held until its outcome is known (pure). Used by plan.ts.
import type { Config } from './config.ts';
import { withoutAgent } from './agent-report.ts';
import { assertNever } from './errors.ts';
import { instanceName, requestIdOf } from './instance.ts';
import type { Observed, SeenOperation } from './observe.ts';
import type { SessionRecord, StepClaim, StepKind } from './record.ts';
import { isWanted } from './session.ts';

/** Between the save of a claim and the call that it announces. */
const SLACK_MILLISECONDS = 1000;

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
    deadline: now + config.claimSeconds * 1000,
    callUntil: callUntil(now, config),
  };
  return { ...next, claim };
}

/** The claim is held until its operation has ended or, if there is none, until no call can begin any more. */
export function settleClaim(record: SessionRecord, observed: Observed, now: number): SessionRecord {
  const { claim } = record;
  if (!claim) return record;
  const { operation, instance } = observed;
  if (operation?.status === 'done') return withOutcome(record, observed, operation);
  if (operation) return { ...record, claim: { ...claim, operation: operation.name } };
  if (claim.step === 'insert' && instance !== 'absent' && instance.status === 'RUNNING') {
    return withOutcome(record, observed);
  }
  if (now <= claim.deadline) return record;
  // Nobody made the call, or Google never took it: said if we know why, otherwise planned anew, with the same id.
  return { ...record, claim: undefined, failure: record.failure ?? claim.trouble };
}

/** What the call itself was answered: a refusal is certain, any other trouble is not. */
export function noteTrouble(record: SessionRecord, { callTrouble }: Observed): SessionRecord {
  const { claim } = record;
  if (!claim || claim.requestId !== callTrouble?.requestId) return record;
  const { code, message, isRetryable } = callTrouble;
  if (isRetryable) return { ...record, claim: { ...claim, trouble: { code, message } } };
  // After a call of uncertain outcome the claim stays: that call may still have been taken.
  return { ...record, claim: claim.trouble ? claim : undefined, failure: { code, message } };
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

function withOutcome(
  record: SessionRecord,
  observed: Observed,
  operation?: SeenOperation,
): SessionRecord {
  const next = { ...record, claim: undefined, attempt: record.attempt + 1 };
  if (operation?.error) return { ...next, failure: operation.error };
  const isInsert = record.claim?.step === 'insert';
  if (!isInsert || observed.instance !== 'absent' || operation?.targetId === undefined) return next;
  // Made, and gone before anybody saw it.
  const id = operation.targetId;
  const { zone } = record.spec;
  const gone = { id, name: instanceName(record), zone, status: '', hasRun: false, isGone: true };
  return { ...next, instance: gone };
}

function withStepBegun(record: SessionRecord, step: StepKind, config: Config): SessionRecord {
  const { agent } = record;
  switch (step) {
    case 'insert':
      return withNextGeneration(withoutAgent(record), config);
    case 'start':
      return withoutAgent(record);
    case 'resume':
      // The same boot, though Google will move its start time.
      return agent ? { ...record, agent: { ...agent, instanceStartedAt: undefined } } : record;
    case 'stop':
    case 'delete':
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

function callUntil(now: number, config: Config): number {
  return now + config.callSeconds * 1000 + SLACK_MILLISECONDS;
}
