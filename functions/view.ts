// A record as the API answers it (pure).
import type { SessionView } from './contract.ts';
import { assertNever } from './errors.ts';
import { instanceName } from './instance.ts';
import type { SessionRecord } from './record.ts';
import { stateOf, zoneOf } from './session.ts';
import { awakeOf } from './sleep.ts';

export function viewOf(record: SessionRecord): SessionView {
  const { spec, failure } = record;
  return {
    id: record.uid,
    name: record.name,
    resourceName: `sessions/${record.uid}`,
    owner: { email: record.owner.email },
    state: stateOf(record),
    waitingFor: waitingForOf(record),
    want: record.want,
    revision: record.revision,
    etag: etagOf(record),
    createTime: new Date(record.createdAt).toISOString(),
    updateTime: new Date(record.updatedAt).toISOString(),
    zone: zoneOf(record),
    machineType: spec.machineType,
    diskSizeGb: spec.diskSizeGb,
    fallbackZones: [...spec.fallbackZones],
    spot: spec.spot,
    ...(spec.serviceAccount === undefined ? {} : { serviceAccount: spec.serviceAccount }),
    labels: { ...spec.labels },
    idleTimeoutSeconds: spec.idleTimeoutSeconds,
    idleAction: spec.idleAction,
    ...(spec.maxLifetimeSeconds === undefined
      ? {}
      : { maxLifetimeSeconds: spec.maxLifetimeSeconds }),
    ...awakeViewOf(record),
    ...(record.images ? { image: record.images.gateway } : {}),
    generation: record.generation,
    ...instanceOf(record),
    kernels: record.agent?.report?.kernels ?? [],
    ...(failure ? { error: { code: failure.code, message: failure.message } } : {}),
    timeline: record.timeline.map(({ at, message }) => ({
      time: new Date(at).toISOString(),
      message,
    })),
  };
}

/** What the session is waiting for, in words. */
export function waitingForOf(record: SessionRecord): string {
  const state = stateOf(record);
  switch (state) {
    case 'PENDING':
      return 'the gateway image to be looked up';
    case 'BUILDING_IMAGE':
      return 'the gateway image to be built';
    case 'CREATING':
      return 'Compute Engine to create the instance';
    case 'STARTING':
      return 'Compute Engine to start the instance';
    case 'RESUMING':
      return 'Compute Engine to resume the instance';
    case 'BOOTING':
      if (!record.agent) return 'the instance to boot and pull its images';
      return record.agent.report?.gatewayReady === true
        ? 'its owner to be allowed to tunnel there'
        : 'the gateway to answer';
    case 'SUSPENDING':
      return 'Compute Engine to suspend the instance';
    case 'STOPPING':
      return record.sleep
        ? 'the instance to switch itself off'
        : 'Compute Engine to stop the instance';
    case 'DELETING':
      return 'Compute Engine to delete the instance';
    case 'READY':
    case 'SUSPENDED':
    case 'STOPPED':
    case 'FAILED':
      return '';
    default:
      return assertNever(state);
  }
}

/** RFC 7232 wants the quotes. */
export function etagOf({ uid, revision }: Pick<SessionRecord, 'uid' | 'revision'>): string {
  return `"${uid}-${revision}"`;
}

function awakeViewOf(record: SessionRecord): Pick<SessionView, 'awake' | 'lifetimeEndTime'> {
  const awake = awakeOf(record);
  const time = (at: number) => new Date(at).toISOString();
  return {
    ...(awake
      ? {
          awake: {
            reason: awake.reason,
            ...(awake.sleepAt === undefined ? {} : { sleepTime: time(awake.sleepAt) }),
          },
        }
      : {}),
    ...(record.lifetimeEndsAt === undefined || record.want !== 'running'
      ? {}
      : { lifetimeEndTime: time(record.lifetimeEndsAt) }),
  };
}

function instanceOf(record: SessionRecord): Pick<SessionView, 'instance'> {
  const { instance, claim } = record;
  if (instance?.isGone === false) {
    const { name, zone, status, internalIp } = instance;
    return { instance: { name, zone, status, ...(internalIp ? { internalIp } : {}) } };
  }
  if (claim?.step !== 'insert') return {};
  return { instance: { name: instanceName(record), zone: zoneOf(record) } };
}
