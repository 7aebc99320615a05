// What Google does to running instances by itself: takes Spot instances back, and ends those that have run as long as
// they may. recovery.ts has what follows when a machine fails.
import { invalidValue } from '../google-error.ts';
import type { Instances } from './instances.ts';
import type { Machines } from './machines.ts';
import type { Operations } from './operations.ts';
import type { InstanceRecord, OperationRecord } from './state.ts';

export interface SystemEventsOptions {
  operations: Operations;
  machines: Machines;
  instances: Instances;
}

/** @throws GoogleError for an instance that is not Spot, or does not run */
export function preempt(
  instance: InstanceRecord,
  { operations, machines, instances }: SystemEventsOptions,
): OperationRecord {
  const { name, status, scheduling } = instance.resource;
  if (!scheduling.preemptible) {
    const why = 'It is a standard instance; Google preempts Spot instances only.';
    throw invalidValue('instance', name, why);
  }
  if (status !== 'RUNNING') {
    throw invalidValue('instance', name, `It is ${status}; only what is RUNNING is preempted.`);
  }
  const isDeleted = scheduling.instanceTerminationAction === 'DELETE';
  const type = 'compute.instances.preempted';
  return operations.begin({ type, instance, user: 'system' }, async () => {
    await machines.preempt(instance);
    if (isDeleted) await instances.runDelete(instance);
  });
}

/** Its `maxRunDuration` is over. */
export function endRun(
  instance: InstanceRecord,
  { operations, machines, instances }: SystemEventsOptions,
): void {
  const isDeleted = instance.resource.scheduling.instanceTerminationAction === 'DELETE';
  const type = isDeleted ? 'delete' : 'stop';
  operations.begin({ type, instance, user: 'system' }, async () => {
    if (isDeleted) await instances.runDelete(instance);
    // Something that was asked for before may have ended it meanwhile.
    else if (instance.resource.status === 'RUNNING') await machines.stop(instance);
  });
}
