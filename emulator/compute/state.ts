// Compute Engine's memory: instances, disks and operations, as the API shows them plus what only the emulator
// needs. One file in the state folder.
import path from 'node:path';
import { z } from 'zod';
import { openStateFile, type StateFile } from '../state.ts';

export const INSTANCE_STATUSES = [
  'PROVISIONING',
  'STAGING',
  'RUNNING',
  'STOPPING',
  'SUSPENDING',
  'SUSPENDED',
  'TERMINATED',
] as const;
export type InstanceStatus = (typeof INSTANCE_STATUSES)[number];

export const OPERATION_TYPES = [
  'insert',
  'delete',
  'stop',
  'start',
  'suspend',
  'resume',
  'reset',
  'setLabels',
  'setMetadata',
  'compute.instances.guestTerminate',
  'compute.instances.preempted',
  'compute.instances.hostError',
  'compute.instances.automaticRestart',
] as const;
export type OperationType = (typeof OPERATION_TYPES)[number];

const metadata = z.object({
  kind: z.literal('compute#metadata'),
  fingerprint: z.string(),
  items: z.array(z.object({ key: z.string(), value: z.string() })).optional(),
});

/** The parts of an instance that the emulator reads again; the rest is kept as it was made. */
const instanceResource = z.looseObject({
  id: z.string(),
  name: z.string(),
  creationTimestamp: z.string(),
  status: z.enum(INSTANCE_STATUSES),
  statusMessage: z.string().optional(),
  machineType: z.string(),
  metadata,
  labels: z.record(z.string(), z.string()).optional(),
  labelFingerprint: z.string(),
  tags: z.looseObject({ items: z.array(z.string()).optional() }),
  networkInterfaces: z.array(z.looseObject({ networkIP: z.string().optional() })),
  serviceAccounts: z.array(z.object({ email: z.string(), scopes: z.array(z.string()) })).optional(),
  scheduling: z.looseObject({
    automaticRestart: z.boolean(),
    preemptible: z.boolean(),
    onHostMaintenance: z.enum(['MIGRATE', 'TERMINATE']),
    instanceTerminationAction: z.enum(['STOP', 'DELETE']).optional(),
    maxRunDuration: z.object({ seconds: z.string() }).optional(),
  }),
  /** While it runs with a limit. */
  resourceStatus: z
    .looseObject({ scheduling: z.object({ terminationTimestamp: z.string() }) })
    .optional(),
  disks: z.array(z.looseObject({ source: z.string() })),
});
export type InstanceResource = z.infer<typeof instanceResource>;

const instanceRecord = z.object({
  zone: z.string(),
  /** Below the state folder: the instance's disk, serial port and whatever the runtime keeps. */
  folder: z.string(),
  /** What the metadata server says under that name: Google takes the machine back. */
  preempted: z.boolean().optional(),
  resource: instanceResource,
});
export type InstanceRecord = z.infer<typeof instanceRecord>;

const diskRecord = z.object({
  zone: z.string(),
  resource: z.looseObject({ id: z.string(), name: z.string(), selfLink: z.string() }),
});
export type DiskRecord = z.infer<typeof diskRecord>;

const operationResource = z.looseObject({
  name: z.string(),
  operationType: z.enum(OPERATION_TYPES),
  status: z.enum(['PENDING', 'RUNNING', 'DONE']),
  targetId: z.string(),
  targetLink: z.string(),
  clientOperationId: z.string().optional(),
});

const operationRecord = z.object({
  zone: z.string(),
  /** Name of the instance that it is about. */
  instance: z.string(),
  resource: operationResource,
});
export type OperationRecord = z.infer<typeof operationRecord>;

const computeRecord = z.object({
  instances: z.array(instanceRecord),
  disks: z.array(diskRecord),
  operations: z.array(operationRecord),
});
export type ComputeRecord = z.infer<typeof computeRecord>;
export type ComputeState = StateFile<ComputeRecord>;

export function openComputeState(stateDir: string): ComputeState {
  return openStateFile(path.join(stateDir, 'compute.json'), computeRecord, () => ({
    instances: [],
    disks: [],
    operations: [],
  }));
}

export function findInstance(
  state: ComputeState,
  zone: string,
  name: string,
): InstanceRecord | undefined {
  return state.value.instances.find(
    (instance) =>
      instance.zone === zone && (instance.resource.name === name || instance.resource.id === name),
  );
}
