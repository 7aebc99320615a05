// Takes one claimed step: the one call to Google that it stands for, bounded and safe to repeat. Answers what kept
// Google from taking it; everything else is seen by the next observation.
import type { Clock } from './clock.ts';
import type { Config } from './config.ts';
import { AGENT_PORT } from './contract.ts';
import { AppError, assertNever } from './errors.ts';
import { instanceLabels, instanceName, instanceSpec, type InstanceSpec } from './instance.ts';
import type { SeenInstance } from './observe.ts';
import type { SessionRecord, StepClaim } from './record.ts';
import { zoneOf } from './session.ts';

/** The mutations of Compute Engine; google/compute.ts has them. Each throws AppError. */
export interface Mutations {
  insertInstance(spec: InstanceSpec, requestId: string): Promise<void>;
  startInstance(target: Target, requestId: string): Promise<void>;
  resumeInstance(target: Target, requestId: string): Promise<void>;
  suspendInstance(target: Target, requestId: string): Promise<void>;
  stopInstance(target: Target, requestId: string): Promise<void>;
  deleteInstance(target: Target, requestId: string): Promise<void>;
}

export interface Target {
  zone: string;
  name: string;
}

export interface ApplyDeps {
  clock: Clock;
  config: Config;
  compute: Mutations & {
    getInstance(zone: string, name: string): Promise<SeenInstance | undefined>;
  };
  grants: Grants;
  startupScript: () => Promise<string>;
}

/** Who may tunnel to an instance; google/iap.ts has it. */
export interface Grants {
  hasGrant(target: Target, email: string, port: number): Promise<boolean>;
  /**
   * Does nothing where there is such a grant.
   * @throws AppError ABORTED, retryable, when somebody else has changed the policy meanwhile
   */
  grant(target: Target, email: string, port: number): Promise<void>;
}

/** @returns undefined when Google took the step, or had taken it before */
export async function apply(
  record: SessionRecord,
  claim: StepClaim,
  deps: ApplyDeps,
): Promise<AppError | undefined> {
  const { clock, config } = deps;
  // Late: others may believe by now that it was not done, and oppose it.
  if (clock.now() + config.callSeconds * 1000 > claim.deadline) return undefined;
  try {
    await call(record, claim, deps);
    return undefined;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return (await isDoneAnyway(record, claim, error, deps)) ? undefined : error;
  }
}

function call(
  record: SessionRecord,
  { step, requestId }: StepClaim,
  { compute, grants, config, startupScript }: ApplyDeps,
): Promise<void> {
  const target = targetOf(record);
  switch (step) {
    case 'insert':
      return insert(record, requestId, { compute, config, startupScript });
    case 'start':
      return compute.startInstance(target, requestId);
    case 'resume':
      return compute.resumeInstance(target, requestId);
    case 'suspend':
      return compute.suspendInstance(target, requestId);
    case 'stop':
      return compute.stopInstance(target, requestId);
    case 'delete':
      return compute.deleteInstance(target, requestId);
    case 'grant':
      return grants.grant(target, record.owner.email, AGENT_PORT);
    default:
      return assertNever(step);
  }
}

async function insert(
  record: SessionRecord,
  requestId: string,
  { compute, config, startupScript }: Pick<ApplyDeps, 'compute' | 'config' | 'startupScript'>,
): Promise<void> {
  if (!record.images) throw new Error('An instance was planned before its images were pinned.');
  const spec = instanceSpec(record, record.images, await startupScript(), config);
  await compute.insertInstance(spec, requestId);
}

/** "Exists already" is success if it is ours; "not found" is for delete, and elsewhere for the next look to judge. */
async function isDoneAnyway(
  record: SessionRecord,
  { step }: StepClaim,
  error: AppError,
  { compute }: ApplyDeps,
): Promise<boolean> {
  if (step !== 'insert') return error.code === 'NOT_FOUND';
  if (error.code !== 'ALREADY_EXISTS') return false;
  const { zone, name } = targetOf(record);
  const existing = await compute.getInstance(zone, name).catch(() => undefined);
  const labels = Object.entries(instanceLabels(record));
  return labels.every(([key, value]) => existing?.labels[key] === value);
}

function targetOf(record: SessionRecord): Target {
  return { zone: zoneOf(record), name: instanceName(record) };
}
