// A session's instance as it is asked for: name, labels, metadata (pure). google/compute.ts sends it.
import { createHash } from 'node:crypto';
import type { Config } from './config.ts';
import { INSTANCE_ATTRIBUTES, LOGGING_ATTRIBUTE } from './contract.ts';
import type { SessionRecord, StepKind } from './record.ts';
import { zoneOf } from './session.ts';

export const SESSION_LABEL = 'datalab-session';
export const GENERATION_LABEL = 'datalab-generation';
/** A project may hold the instances of more than one backend. */
export const BACKEND_LABEL = 'datalab-backend';

export interface InstanceSpec {
  name: string;
  zone: string;
  machineType: string;
  diskSizeGb: number;
  spot: boolean;
  /** Google switches it off after so many seconds, whatever we do: far above the session's own limit. */
  maxRunSeconds: number | undefined;
  /** On the instance and on its disk. */
  labels: Readonly<Record<string, string>>;
  metadata: Readonly<Record<string, string>>;
  network: string;
  subnetwork: string | undefined;
  serviceAccount: string;
  bootImage: string;
}

/** Unique for ever: the uid is random, and a generation is inserted once. */
export function instanceName({
  uid,
  generation,
}: Pick<SessionRecord, 'uid' | 'generation'>): string {
  return `datalab-${uid}-${generation}`;
}

export function instanceLabels(record: Pick<SessionRecord, 'uid' | 'generation'>) {
  return { [SESSION_LABEL]: record.uid, [GENERATION_LABEL]: String(record.generation) };
}

export function instanceSpec(
  record: SessionRecord,
  images: { gateway: string; agent: string },
  startupScript: string,
  config: Config,
): InstanceSpec {
  const { spec } = record;
  return {
    name: instanceName(record),
    zone: zoneOf(record),
    machineType: spec.machineType,
    diskSizeGb: spec.diskSizeGb,
    spot: spec.spot,
    maxRunSeconds: maxRunSecondsOf(spec.maxLifetimeSeconds),
    // Ours last: the caller's cannot hide them.
    labels: {
      ...spec.labels,
      ...instanceLabels(record),
      [BACKEND_LABEL]: backendId(config),
    },
    metadata: {
      'startup-script': startupScript,
      [INSTANCE_ATTRIBUTES.session]: record.uid,
      [INSTANCE_ATTRIBUTES.apiUrl]: config.apiUrl,
      [INSTANCE_ATTRIBUTES.gatewayImage]: images.gateway,
      [INSTANCE_ATTRIBUTES.agentImage]: images.agent,
      [LOGGING_ATTRIBUTE]: 'true',
    },
    network: config.instance.network,
    subnetwork: config.instance.subnetwork,
    serviceAccount: spec.serviceAccount ?? config.instance.serviceAccount,
    bootImage: config.instance.bootImage,
  };
}

/** What tells this backend's instances from another's: as long as its API is reached at the same URL. */
export function backendId({ apiUrl }: Pick<Config, 'apiUrl'>): string {
  return createHash('sha256').update(apiUrl).digest('hex').slice(0, 16);
}

const DAY_SECONDS = 86_400;
/** What Compute Engine allows. */
const MAX_RUN_SECONDS = 120 * DAY_SECONDS;

function maxRunSecondsOf(maxLifetimeSeconds: number | undefined): number | undefined {
  if (maxLifetimeSeconds === undefined) return undefined;
  return Math.min(2 * maxLifetimeSeconds + 7 * DAY_SECONDS, MAX_RUN_SECONDS);
}

/**
 * The requestId of a step: the same for everybody who does that step, so Google does it once. A UUID of the form of
 * version 5 (with SHA-256), never zero.
 */
export function requestIdOf(
  { uid, generation }: Pick<SessionRecord, 'uid' | 'generation'>,
  step: StepKind,
  attempt: number,
): string {
  const hash = createHash('sha256').update(`${uid}/${generation}/${step}/${attempt}`).digest();
  const bytes = hash.subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  const groups = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ];
  return groups.join('-');
}
