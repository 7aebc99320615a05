// Looks at the world: the operation of the claim, then the instance, and the images where they are not pinned yet.
// In that order, so that an instance is never older than the operation that was seen to have ended.
import { AppError } from './errors.ts';
import type { ImageLook } from './images.ts';
import { instanceName } from './instance.ts';
import type { SessionRecord, Trouble } from './record.ts';
import { phaseOf, zoneOf } from './session.ts';

export interface SeenInstance {
  id: string;
  name: string;
  zone: string;
  status: string;
  internalIp?: string | undefined;
  startedAt?: string | undefined;
  labels: Readonly<Record<string, string>>;
}

export interface SeenOperation {
  name: string;
  status: 'running' | 'done';
  /** The instance's id. */
  targetId?: string | undefined;
  error?: Trouble | undefined;
}

/** What the call of a step has just been answered, where it was not taken. */
export interface CallTrouble extends Trouble {
  requestId: string;
  isRetryable: boolean;
}

export interface Observed {
  instance: SeenInstance | 'absent';
  operation?: SeenOperation | undefined;
  images?: ImageLook | undefined;
  /** The owner may tunnel to the instance; undefined: not looked. */
  isGranted?: boolean | undefined;
  /** Why that is not to be found out, however often we ask. */
  grantTrouble?: Trouble | undefined;
  callTrouble?: CallTrouble | undefined;
}

/** What observing needs of Compute Engine and the registry; google/ has it. */
export interface Looks {
  /** Without an id: those of all sessions. */
  findInstances(sessionId?: string): Promise<SeenInstance[]>;
  getInstance(zone: string, name: string): Promise<SeenInstance | undefined>;
  findOperation(zone: string, requestId: string): Promise<SeenOperation | undefined>;
  /** Also gets them built, where that is ours to do. */
  findImages(record: SessionRecord): Promise<ImageLook>;
  hasGrant(target: { zone: string; name: string }, email: string): Promise<boolean>;
}

/** @throws AppError; a retryable one says nothing about the session */
export async function observe(record: SessionRecord, looks: Looks): Promise<Observed> {
  const { claim } = record;
  const hasOperation = claim !== undefined && claim.step !== 'grant';
  const operation = hasOperation
    ? await looks.findOperation(zoneOf(record), claim.requestId)
    : undefined;
  const instance = (await lookAtInstance(record, operation, looks)) ?? 'absent';
  const images = needsImages(record, instance) ? await looks.findImages(record) : undefined;
  const grant = needsGrant(record, instance) ? await lookAtGrant(record, instance, looks) : {};
  return { instance, operation, images, ...grant };
}

/** What IAP refuses to tell is no reason to see nothing of an instance that runs. */
async function lookAtGrant(
  { owner }: SessionRecord,
  instance: SeenInstance,
  looks: Looks,
): Promise<Pick<Observed, 'isGranted' | 'grantTrouble'>> {
  try {
    return { isGranted: await looks.hasGrant(instance, owner.email) };
  } catch (error) {
    if (!(error instanceof AppError) || error.isRetryable) throw error;
    return { grantTrouble: { code: error.code, message: error.message } };
  }
}

/** By name once it is known to have been made, before that by label: a reply that got lost may have made it. */
async function lookAtInstance(
  record: SessionRecord,
  operation: SeenOperation | undefined,
  looks: Looks,
): Promise<SeenInstance | undefined> {
  const known = record.instance;
  if (known?.isGone === true || record.generation === 0) return undefined;
  const name = instanceName(record);
  if (known || operation) {
    const seen = await looks.getInstance(zoneOf(record), name);
    // A name can be used again, an id cannot.
    return known && seen?.id !== known.id ? undefined : seen;
  }
  const found = await looks.findInstances(record.uid);
  return found.find((instance) => instance.name === name);
}

function needsImages(record: SessionRecord, instance: SeenInstance | 'absent'): boolean {
  if (record.images || record.want !== 'running' || record.failure) return false;
  const phase = phaseOf(record.instance);
  return instance === 'absent' && (phase === 'none' || phase === 'gone');
}

function needsGrant(
  record: SessionRecord,
  instance: SeenInstance | 'absent',
): instance is SeenInstance {
  if (instance === 'absent' || instance.status !== 'RUNNING') return false;
  return record.want === 'running' && record.grantedFor !== instance.id;
}
