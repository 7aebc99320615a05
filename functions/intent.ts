// What an owner asks for, as a change of the record (pure). reconcile.ts makes the world follow.
import type { CreateSessionRequest, Want } from './contract.ts';
import type { Config } from './config.ts';
import { isDeepStrictEqual } from 'node:util';
import { AppError } from './errors.ts';
import type { SessionRecord } from './record.ts';
import { phaseOf, stateOf } from './session.ts';
import { withStartOverSleep } from './sleep.ts';

export interface Owner {
  subject: string;
  email: string;
}

export function newSession(
  uid: string,
  owner: Owner,
  request: CreateSessionRequest,
  now: number,
  config: Pick<Config, 'defaults' | 'policy' | 'instance' | 'tokenKeys'>,
): SessionRecord {
  const spec = specOf(request, config);
  return {
    uid,
    version: '',
    revision: 1,
    name: request.name,
    owner,
    want: 'running',
    isWantPending: true,
    generation: 0,
    attempt: 1,
    spec,
    zoneIndex: 0,
    mayHoldKernels: false,
    sleepCount: 0,
    activeAt: now,
    lifetimeEndsAt: lifetimeEnd(spec, now),
    pastBootIds: [],
    keyVersion: config.tokenKeys.currentVersion,
    createdAt: now,
    updatedAt: now,
    usedAt: now,
    dueAt: now,
    timeline: [{ at: now, message: 'PENDING: asked for' }],
  };
}

/** Its own part of the policy: what a session gets that asks for nothing else is within the limits too. */
function specOf(
  request: CreateSessionRequest,
  { defaults, policy, instance }: Pick<Config, 'defaults' | 'policy' | 'instance'>,
): SessionRecord['spec'] {
  const { maxIdleTimeoutSeconds = Number.MAX_SAFE_INTEGER, maxLifetimeSeconds } = policy;
  return {
    zone: request.zone ?? defaults.zone,
    fallbackZones: request.fallbackZones ?? [],
    machineType: request.machineType ?? defaults.machineType,
    diskSizeGb: request.diskSizeGb ?? defaults.diskSizeGb,
    spot: request.spot ?? false,
    image: request.image,
    serviceAccount: request.serviceAccount ?? instance.serviceAccount,
    labels: request.labels ?? {},
    idleTimeoutSeconds:
      request.idleTimeoutSeconds ?? Math.min(defaults.idleTimeoutSeconds, maxIdleTimeoutSeconds),
    idleAction: request.idleAction ?? defaults.idleAction,
    maxLifetimeSeconds: request.maxLifetimeSeconds ?? maxLifetimeSeconds,
  };
}

/** `start` on a FAILED session tries again, `stop` and `delete` try what failed again. */
export function askFor(record: SessionRecord, want: Want, now: number): SessionRecord {
  if (record.want === 'deleted' && want !== 'deleted') throw isBeingDeleted(record);
  if (want === 'suspended') checkSuspendable(record);
  const isStart = want === 'running';
  return {
    // Whoever asks for something wins over a sleep that has not begun.
    ...(isStart ? withStartOverSleep(record) : { ...record, sleep: undefined }),
    ...(isStart ? newLifetime(record, now) : {}),
    want,
    isWantPending: true,
    failure: undefined,
    bootingSince: record.failure ? undefined : record.bootingSince,
    // Found out anew.
    waitsForImage: isStart && !record.failure ? record.waitsForImage : undefined,
    zoneIndex: isStart && record.failure ? 0 : record.zoneIndex,
    usedAt: isStart ? now : record.usedAt,
  };
}

/** `:extend`: awake for so long from now, and alive at least as long. */
export function extend(record: SessionRecord, seconds: number, now: number): SessionRecord {
  if (record.want === 'deleted') throw isBeingDeleted(record);
  if (record.want !== 'running') throw isAsleep(record);
  const until = now + seconds * 1000;
  const { lifetimeEndsAt } = record;
  return {
    ...record,
    usedAt: now,
    sleep: undefined,
    awakeUntil: Math.max(record.awakeUntil ?? 0, until),
    lifetimeEndsAt: lifetimeEndsAt === undefined ? undefined : Math.max(lifetimeEndsAt, until),
  };
}

/** A lifetime begins with the start of a session that sleeps, or whose lifetime is over. */
export function newLifetime(
  record: SessionRecord,
  now: number,
): Pick<SessionRecord, 'lifetimeEndsAt'> {
  const { lifetimeEndsAt, instance, spec } = record;
  const phase = phaseOf(instance);
  const isUp = record.want === 'running' && (phase === 'running' || phase === 'rising');
  const isOver = lifetimeEndsAt !== undefined && lifetimeEndsAt <= now;
  return { lifetimeEndsAt: isUp && !isOver ? lifetimeEndsAt : lifetimeEnd(spec, now) };
}

function lifetimeEnd(spec: SessionRecord['spec'], now: number): number | undefined {
  const { maxLifetimeSeconds } = spec;
  return maxLifetimeSeconds === undefined ? undefined : now + maxLifetimeSeconds * 1000;
}

const SPEC_FIELDS = [
  'zone',
  'fallbackZones',
  'machineType',
  'spot',
  'diskSizeGb',
  'image',
  'serviceAccount',
  'idleTimeoutSeconds',
  'idleAction',
  'maxLifetimeSeconds',
  'labels',
] as const;

/** @throws AppError when the caller asks for another machine than this session of the same name has */
export function checkSameSpec(record: SessionRecord, request: CreateSessionRequest): void {
  const different = SPEC_FIELDS.filter(
    (field) =>
      request[field] !== undefined && !isDeepStrictEqual(request[field], record.spec[field]),
  );
  if (different.length === 0) return;
  throw new AppError(
    'ALREADY_EXISTS',
    `Session ${record.name} exists already, with another ${different.join(', ')}. ` +
      'Leave that out to use it, choose another name, or delete it first.',
    {
      fieldViolations: different.map((field) => ({
        field,
        description: `is ${JSON.stringify(record.spec[field])} in this session and cannot be changed`,
      })),
    },
  );
}

/** What is off has no memory to keep. */
function checkSuspendable(record: SessionRecord): void {
  const phase = phaseOf(record.instance);
  const isUp = phase !== 'none' && phase !== 'gone' && phase !== 'stopped' && phase !== 'stopping';
  if (isUp || record.claim?.step === 'insert') return;
  throw new AppError(
    'FAILED_PRECONDITION',
    `Session ${record.name} is ${stateOf(record)}: only a session that is up can be suspended.`,
  );
}

function isAsleep(record: SessionRecord): AppError {
  return new AppError(
    'FAILED_PRECONDITION',
    `Session ${record.name} is ${stateOf(record)}: start it before you extend it.`,
  );
}

function isBeingDeleted(record: SessionRecord): AppError {
  return new AppError(
    'FAILED_PRECONDITION',
    `Session ${record.name} is being deleted; create one of the same name to work on.`,
  );
}
