// Compute Engine's resources and ours, turned into each other. Of Google's replies, what we need is checked.
import { z } from 'zod';
import type { ErrorCode } from '../contract.ts';
import type { InstanceSpec } from '../instance.ts';
import type { SeenInstance, SeenOperation } from '../observe.ts';
import type { Trouble } from '../record.ts';

const text = z.string().nullish();

const instanceReply = z.object({
  id: z.coerce.string().regex(/^[0-9]+$/),
  name: z.string(),
  zone: text,
  status: z.string(),
  labels: z.record(z.string(), z.string()).nullish(),
  networkInterfaces: z.array(z.object({ networkIP: text })).nullish(),
  lastStartTimestamp: text,
});

export function seenInstance(reply: unknown): SeenInstance {
  const instance = instanceReply.parse(reply);
  return {
    id: instance.id,
    name: instance.name,
    // A URL that ends in the zone's name.
    zone: instance.zone?.split('/').at(-1) ?? '',
    status: instance.status,
    internalIp: instance.networkInterfaces?.[0]?.networkIP ?? undefined,
    startedAt: instance.lastStartTimestamp ?? undefined,
    labels: instance.labels ?? {},
  };
}

const operationError = z.object({
  code: z.string().nullish(),
  message: text,
  errorDetails: z
    .array(
      z.object({
        errorInfo: z.object({ metadatas: z.record(z.string(), z.string()).nullish() }).nullish(),
      }),
    )
    .nullish(),
});
type OperationError = z.infer<typeof operationError>;

const operationReply = z.object({
  name: z.string(),
  status: z.string(),
  targetId: z.coerce.string().nullish(),
  error: z.object({ errors: z.array(operationError).nullish() }).nullish(),
});

export function seenOperation(reply: unknown): SeenOperation {
  const { name, status, targetId, error } = operationReply.parse(reply);
  const [first] = error?.errors ?? [];
  return {
    name,
    status: status === 'DONE' ? 'done' : 'running',
    targetId: targetId ?? undefined,
    error: first ? troubleOf(first) : undefined,
  };
}

const serialReply = z.object({
  contents: text,
  /** Numbers of 64 bits come as texts. */
  start: z.coerce.number().int().min(0).nullish(),
  next: z.coerce.number().int().min(0),
});

/** Of a serial port: bytes `start` to `next`, as text. */
export interface SerialOutput {
  contents: string;
  start: number;
  next: number;
}

export function serialOutput(reply: unknown): SerialOutput {
  const { contents, start, next } = serialReply.parse(reply);
  return { contents: contents ?? '', start: start ?? 0, next };
}

/** Codes of failed operations: what they mean to us, and what to do next. */
const OPERATION_ERRORS: Readonly<Record<string, { code: ErrorCode; next: string }>> = {
  ZONE_RESOURCE_POOL_EXHAUSTED: {
    code: 'RESOURCE_EXHAUSTED',
    next: 'The zone has no room now: start the session again later, or delete it and create it in another zone.',
  },
  QUOTA_EXCEEDED: {
    code: 'RESOURCE_EXHAUSTED',
    next: 'Stop what the project does not need, or ask for more quota; then start the session again.',
  },
  RESOURCE_NOT_FOUND: {
    code: 'FAILED_PRECONDITION',
    next: 'Something that the session needs is not there: ask the administrator of the backend.',
  },
  PERMISSIONS_ERROR: {
    code: 'PERMISSION_DENIED',
    next: 'The backend is not allowed to do this: ask its administrator.',
  },
};
const OTHER_ERROR = {
  code: 'INTERNAL',
  next: 'Start the session again to try once more.',
} as const;

function troubleOf({ code, message, errorDetails }: OperationError): Trouble {
  const known = (code ?? '').replace(/_WITH_DETAILS$/, '');
  const { code: ours, next } = OPERATION_ERRORS[known] ?? OTHER_ERROR;
  const zones = errorDetails?.find(({ errorInfo }) => errorInfo?.metadatas?.['zonesAvailable']);
  const room = zones?.errorInfo?.metadatas?.['zonesAvailable'];
  const isStockout = known === 'ZONE_RESOURCE_POOL_EXHAUSTED';
  const parts = [`Compute Engine: ${(message ?? '').slice(0, 400)} (${code ?? 'no code'}).`, next];
  if (room) parts.push(`Zones with room: ${room.slice(0, 200)}.`);
  return { code: ours, message: parts.join(' '), ...(isStockout ? { isStockout } : {}) };
}

/** STOP in every case: the disk is kept. */
function schedulingOf({ spot, maxRunSeconds }: InstanceSpec) {
  const isBounded = maxRunSeconds !== undefined;
  return {
    ...(spot
      ? { provisioningModel: 'SPOT', onHostMaintenance: 'TERMINATE', automaticRestart: false }
      : { provisioningModel: 'STANDARD' }),
    ...(spot || isBounded ? { instanceTerminationAction: 'STOP' } : {}),
    ...(isBounded ? { maxRunDuration: { seconds: String(maxRunSeconds) } } : {}),
  };
}

/** No accessConfigs: the instance has no external address. */
export function instanceResource(spec: InstanceSpec) {
  const { name, zone, labels } = spec;
  return {
    name,
    labels: { ...labels },
    machineType: `zones/${zone}/machineTypes/${spec.machineType}`,
    tags: { items: ['datalab'] },
    metadata: { items: Object.entries(spec.metadata).map(([key, value]) => ({ key, value })) },
    disks: [
      {
        boot: true,
        autoDelete: true,
        initializeParams: {
          sourceImage: spec.bootImage,
          diskSizeGb: String(spec.diskSizeGb),
          labels: { ...labels },
        },
      },
    ],
    networkInterfaces: [
      { network: spec.network, ...(spec.subnetwork ? { subnetwork: spec.subnetwork } : {}) },
    ],
    scheduling: schedulingOf(spec),
    serviceAccounts: [
      { email: spec.serviceAccount, scopes: ['https://www.googleapis.com/auth/cloud-platform'] },
    ],
  };
}
