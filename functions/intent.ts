// What an owner asks for, as a change of the record (pure). reconcile.ts makes the world follow.
import type { CreateSessionRequest, Want } from './contract.ts';
import type { Config } from './config.ts';
import { AppError } from './errors.ts';
import type { SessionRecord } from './record.ts';

export interface Owner {
  subject: string;
  email: string;
}

export function newSession(
  uid: string,
  owner: Owner,
  request: CreateSessionRequest,
  now: number,
  config: Pick<Config, 'defaults' | 'tokenKeys'>,
): SessionRecord {
  const { zone, machineType, diskSizeGb } = config.defaults;
  return {
    uid,
    version: 1,
    revision: 1,
    name: request.name,
    owner,
    want: 'running',
    isWantPending: true,
    generation: 0,
    attempt: 1,
    spec: {
      zone: request.zone ?? zone,
      machineType: request.machineType ?? machineType,
      diskSizeGb: request.diskSizeGb ?? diskSizeGb,
    },
    pastBootIds: [],
    keyVersion: config.tokenKeys.currentVersion,
    createdAt: now,
    updatedAt: now,
    usedAt: now,
    dueAt: now,
    timeline: [{ at: now, message: 'PENDING: asked for' }],
  };
}

/** `start` on a FAILED session tries again, `stop` and `delete` try what failed again. */
export function askFor(record: SessionRecord, want: Want, now: number): SessionRecord {
  if (record.want === 'deleted' && want !== 'deleted') throw isBeingDeleted(record);
  return {
    ...record,
    want,
    isWantPending: true,
    failure: undefined,
    bootingSince: record.failure ? undefined : record.bootingSince,
    usedAt: want === 'running' ? now : record.usedAt,
  };
}

/** @throws AppError when the caller asks for another machine than this session of the same name has */
export function checkSameSpec(record: SessionRecord, request: CreateSessionRequest): void {
  const fields = ['zone', 'machineType', 'diskSizeGb'] as const;
  const different = fields.filter(
    (field) => request[field] !== undefined && request[field] !== record.spec[field],
  );
  if (different.length === 0) return;
  throw new AppError(
    'ALREADY_EXISTS',
    `Session ${record.name} exists already, with another ${different.join(', ')}. ` +
      'Leave that out to use it, choose another name, or delete it first.',
    {
      fieldViolations: different.map((field) => ({
        field,
        description: `is ${record.spec[field]} in this session and cannot be changed`,
      })),
    },
  );
}

function isBeingDeleted(record: SessionRecord): AppError {
  return new AppError(
    'FAILED_PRECONDITION',
    `Session ${record.name} is being deleted; create one of the same name to work on.`,
  );
}
