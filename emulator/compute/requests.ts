// What Compute Engine takes as bodies and query parameters, and how its JSON front end refuses the rest. What
// Google has and the emulator has not is refused as such. Values are checked in validation.ts.
import { z } from 'zod';
import { GoogleError, invalidValue, notEmulated } from '../google-error.ts';
import type { Call } from '../router.ts';

/** 64-bit numbers come as strings from Google's own clients. */
const int64 = z.union([z.int(), z.string().regex(/^\d+$/)]).transform(Number);
const outputOnly = z.unknown().optional();
const labels = z.record(z.string(), z.string());

const metadata = z.strictObject({
  kind: z.string().optional(),
  fingerprint: z.string().optional(),
  items: z.array(z.strictObject({ key: z.string(), value: z.string() })).optional(),
});

const disk = z.strictObject({
  kind: outputOnly,
  type: z.enum(['PERSISTENT', 'SCRATCH']).optional(),
  mode: z.enum(['READ_WRITE', 'READ_ONLY']).optional(),
  boot: z.boolean().optional(),
  autoDelete: z.boolean().optional(),
  deviceName: z.string().optional(),
  interface: z.enum(['SCSI', 'NVME']).optional(),
  diskSizeGb: int64.optional(),
  initializeParams: z
    .strictObject({
      sourceImage: z.string().optional(),
      diskSizeGb: int64.optional(),
      diskType: z.string().optional(),
      diskName: z.string().optional(),
      description: z.string().optional(),
      labels: labels.optional(),
      // Google's own client sends maps that were not given as empty ones.
      resourceManagerTags: z.strictObject({}).optional(),
    })
    .optional(),
});
export type DiskRequest = z.infer<typeof disk>;

const networkInterface = z.strictObject({
  kind: outputOnly,
  name: z.string().optional(),
  network: z.string().optional(),
  subnetwork: z.string().optional(),
  stackType: z.enum(['IPV4_ONLY', 'IPV4_IPV6', 'IPV6_ONLY']).optional(),
  nicType: z.enum(['GVNIC', 'VIRTIO_NET']).optional(),
  accessConfigs: z
    .array(
      z.strictObject({
        kind: outputOnly,
        name: z.string().optional(),
        type: z.enum(['ONE_TO_ONE_NAT']).optional(),
        networkTier: z.enum(['PREMIUM', 'STANDARD']).optional(),
      }),
    )
    .optional(),
});

const scheduling = z.strictObject({
  onHostMaintenance: z.enum(['MIGRATE', 'TERMINATE']).optional(),
  automaticRestart: z.boolean().optional(),
  preemptible: z.boolean().optional(),
  provisioningModel: z.enum(['STANDARD', 'SPOT']).optional(),
  instanceTerminationAction: z.enum(['STOP', 'DELETE']).optional(),
  maxRunDuration: z
    .strictObject({ seconds: int64.default(0), nanos: z.int().min(0).default(0) })
    .optional(),
});

export const instanceRequest = z.strictObject({
  kind: outputOnly,
  name: z.string().optional(),
  description: z.string().optional(),
  machineType: z.string().optional(),
  zone: z.string().optional(),
  labels: labels.optional(),
  metadata: metadata.optional(),
  tags: z
    .strictObject({ fingerprint: outputOnly, items: z.array(z.string()).optional() })
    .optional(),
  disks: z.array(disk).optional(),
  networkInterfaces: z.array(networkInterface).optional(),
  serviceAccounts: z
    .array(z.strictObject({ email: z.string(), scopes: z.array(z.string()).optional() }))
    .optional(),
  scheduling: scheduling.optional(),
  canIpForward: z.literal(false).optional(),
  deletionProtection: z.boolean().optional(),
  shieldedInstanceConfig: z
    .strictObject({
      enableSecureBoot: z.boolean().optional(),
      enableVtpm: z.boolean().optional(),
      enableIntegrityMonitoring: z.boolean().optional(),
    })
    .optional(),
  reservationAffinity: z
    .strictObject({ consumeReservationType: z.literal('ANY_RESERVATION').optional() })
    .optional(),
});
export type InstanceRequest = z.infer<typeof instanceRequest>;

export const setLabelsRequest = z.strictObject({
  labels: labels.optional(),
  labelFingerprint: z.string().optional(),
});
export const setMetadataRequest = metadata;
export const emptyRequest = z.strictObject({});

/** Google's fields that the emulator does not act on, at the places where it knows others. */
const NOT_EMULATED = new Set(
  (
    'advancedMachineFeatures confidentialInstanceConfig displayDevice guestAccelerators hostname ' +
    'instanceEncryptionKey keyRevocationActionType minCpuPlatform networkPerformanceConfig params ' +
    'partnerMetadata privateIpv6GoogleAccess resourcePolicies sourceMachineImage canIpForward source ' +
    'diskEncryptionKey licenses guestOsFeatures sourceSnapshot onUpdateAction provisionedIops ' +
    'provisionedThroughput replicaZones networkIP aliasIpRanges ipv6AccessConfigs natIP queueCount ' +
    'onInstanceStopAction terminationTime nodeAffinities ' +
    'minNodeCpus locationHint provisioningModel availabilityDomain localSsdRecoveryTimeout hostErrorTimeoutSeconds'
  ).split(' '),
);

/**
 * @param root what the body is called, in words about its fields
 * @throws GoogleError 400, or 501 for what is Google's but not emulated.
 */
export function parseBody<T>(
  call: Call,
  schema: z.ZodType<T>,
  root = 'resource',
  unsupported: ReadonlySet<string> = NOT_EMULATED,
): T {
  const result = schema.safeParse(parseJson(call.body));
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const place = placeOf(issue?.path ?? [], root);
  if (issue?.code === 'unrecognized_keys') {
    const name = issue.keys[0] ?? '';
    if (unsupported.has(name)) throw notEmulated(`field '${place}.${name}'`);
    throw unknownField(name, place === root ? '' : ` at '${place}'`);
  }
  const last = String(issue?.path.at(-1));
  if (unsupported.has(last) && issue?.code === 'invalid_value') {
    throw notEmulated(`field '${place}'`);
  }
  throw badRequest(`Invalid value at '${place}': ${issue?.message ?? 'not valid'}`);
}

function parseJson(body: Buffer): unknown {
  // Google's own client for Node sends the JSON string "" with methods that take no body.
  if (body.length === 0 || body.toString() === '""') return {};
  try {
    return JSON.parse(body.toString());
  } catch {
    throw badRequest('Invalid JSON payload received. Unexpected token.');
  }
}

function unknownField(name: string, where: string): GoogleError {
  return badRequest(
    `Invalid JSON payload received. Unknown name "${name}"${where}: Cannot find field.`,
  );
}

function badRequest(message: string): GoogleError {
  const violations = [{ description: message }];
  return new GoogleError(400, 'badRequest', message, {
    status: 'INVALID_ARGUMENT',
    details: [
      { '@type': 'type.googleapis.com/google.rpc.BadRequest', fieldViolations: violations },
    ],
  });
}

function placeOf(path: readonly PropertyKey[], root: string): string {
  return path.reduce<string>(
    (place, part) => (typeof part === 'number' ? `${place}[${part}]` : `${place}.${String(part)}`),
    root,
  );
}

/** Parameters that every Google API has. */
const SYSTEM_PARAMETERS = [
  'alt',
  '$alt',
  'prettyPrint',
  'key',
  'quotaUser',
  'userIp',
  'userProject',
];

export function checkQuery({ query }: Call, known: readonly string[]): void {
  for (const name of query.keys()) {
    if (SYSTEM_PARAMETERS.includes(name) || known.includes(name)) continue;
    if (name === 'fields') throw notEmulated(`parameter '${name}'`);
    throw badRequest(
      `Invalid JSON payload received. Unknown name "${name}": Cannot bind query parameter. ` +
        `Field '${name}' could not be found in request message.`,
    );
  }
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export function readRequestId({ query }: Call): string | undefined {
  const id = query.get('requestId');
  if (id === null || id === '') return undefined;
  if (UUID.test(id) && /[1-9a-f]/i.test(id)) return id.toLowerCase();
  throw invalidValue('requestId', id, 'Must be a valid UUID that is not zero.');
}
