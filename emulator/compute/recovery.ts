// After a power cut (every end of the emulator is one): what was under way is finished or failed, instances
// that ran boot again, suspended ones have lost their memory.
import type { Durations } from '../options.ts';
import type { Log } from '../router.ts';
import type { Instances } from './instances.ts';
import type { Machines } from './machines.ts';
import { OperationError, type Operations } from './operations.ts';
import type { ComputeState, InstanceRecord, OperationRecord } from './state.ts';

export interface RecoveryOptions {
  state: ComputeState;
  operations: Operations;
  machines: Machines;
  instances: Instances;
  durations: Durations;
  log: Log;
}

const LOST_MEMORY =
  'The emulator ended while the instance was suspended: its memory is lost. Start it again.';

/** Statuses of machines that had power; PROVISIONING and STAGING are on their way there. */
const HAD_POWER = ['RUNNING', 'PROVISIONING', 'STAGING', 'SUSPENDING'];

/** Begins the recovery of every instance; the operations say how far it is. */
export function recover(options: RecoveryOptions): void {
  const { state, operations } = options;
  const unfinished = state.value.operations.filter(({ resource }) => resource.status !== 'DONE');
  for (const instance of [...state.value.instances]) {
    const own = unfinished.filter(({ resource }) => resource.targetId === instance.resource.id);
    recoverInstance(instance, own, options);
  }
  // What is left belongs to instances that were gone already.
  for (const operation of unfinished) {
    const isOrphan = !state.value.instances.some(
      ({ resource }) => resource.id === operation.resource.targetId,
    );
    if (isOrphan) operations.finish(operation);
  }
}

function recoverInstance(
  instance: InstanceRecord,
  unfinished: readonly OperationRecord[],
  options: RecoveryOptions,
): void {
  const { operations, instances, machines } = options;
  const find = (...types: string[]) =>
    unfinished.find(({ resource }) => types.includes(resource.operationType));
  const deleting = find('delete');
  const stopping = find('stop', 'compute.instances.guestTerminate', 'compute.instances.preempted');
  const booting = find('insert', 'start', 'reset', 'compute.instances.automaticRestart');
  for (const operation of unfinished) {
    const isContinued = operation === (deleting ?? stopping ?? booting);
    if (!isContinued) operations.finish(operation, interruption(operation));
  }
  if (deleting) {
    operations.resume(deleting, instance, () => instances.runDelete(instance));
  } else if (stopping || instance.resource.status === 'STOPPING') {
    machines.setTerminated(instance, '');
    if (stopping) operations.finish(stopping);
  } else if (isMemoryLost(instance, find('resume') !== undefined)) {
    loseMemory(instance, options);
  } else if (booting) {
    operations.resume(booting, instance, () => instances.runStart(instance));
  } else if (HAD_POWER.includes(instance.resource.status)) {
    restart(instance, options);
  }
}

function isMemoryLost({ resource }: InstanceRecord, wasResuming: boolean): boolean {
  return wasResuming || resource.status === 'SUSPENDED';
}

function loseMemory(instance: InstanceRecord, { machines, log }: RecoveryOptions): void {
  machines.setTerminated(instance, LOST_MEMORY);
  log(`instance ${instance.resource.name}: ${LOST_MEMORY}`);
}

/** As Google restarts the instances of a host that failed. */
export function restart(
  instance: InstanceRecord,
  { operations, machines, durations, log }: Omit<RecoveryOptions, 'state' | 'instances'>,
): void {
  const { name } = instance.resource;
  const system = { instance, user: 'system' };
  operations.begin({ ...system, type: 'compute.instances.hostError' }, () => Promise.resolve());
  if (!instance.resource.scheduling.automaticRestart) {
    machines.setTerminated(instance, 'The power was cut, and automaticRestart is off.');
    log(`instance ${name} lost its power and stays off (automaticRestart is off)`);
    return;
  }
  log(`instance ${name} lost its power and boots again`);
  operations.begin({ ...system, type: 'compute.instances.automaticRestart' }, async () => {
    try {
      await machines.start(instance, durations.startMilliseconds);
    } catch (error) {
      machines.setTerminated(instance, 'The machine could not be started.');
      throw error;
    }
  });
}

/** Changes of labels and metadata were done at once; what was to end in a sleep or a waking up, was not. */
function interruption({ resource }: OperationRecord): OperationError | undefined {
  if (resource.operationType !== 'suspend' && resource.operationType !== 'resume') return undefined;
  return new OperationError('INTERNAL_ERROR', 'The power was cut during the operation.', 500);
}
