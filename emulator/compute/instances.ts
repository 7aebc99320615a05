// What the API does with instances: checks whether Google would allow it now, begins the operation, and says
// what the operation does to the machine.
import { alreadyExists, GoogleError, invalidValue, notFound, notReady } from '../google-error.ts';
import { fingerprintOf } from '../ids.ts';
import type { Durations } from '../options.ts';
import { API_ROOT, instancePath } from './links.ts';
import type { Machines } from './machines.ts';
import type { OperationFault } from '../faults/operation-fault.ts';
import { explainFault } from './operation-fault.ts';
import { OperationError, type Operations } from './operations.ts';
import { buildInstance, buildMetadata, type Place } from './resources.ts';
import {
  findInstance,
  type ComputeState,
  type DiskRecord,
  type InstanceRecord,
  type InstanceStatus,
  type OperationRecord,
  type OperationType,
} from './state.ts';
import type { InstanceRequest } from './requests.ts';
import { checkLabels } from './validation.ts';

export interface InstancesOptions {
  project: string;
  state: ComputeState;
  operations: Operations;
  machines: Machines;
  durations: Durations;
}

export interface Asker {
  email: string;
  requestId?: string | undefined;
  /** A fault: the change is taken, and its operation ends with this. */
  failure?: OperationFault | undefined;
}

type PowerVerb = 'stop' | 'start' | 'suspend' | 'resume' | 'reset';

/** Statuses in which a verb does something; in those of `done` it succeeds and does nothing. */
const POWER: Readonly<Record<PowerVerb, { from: InstanceStatus[]; done: InstanceStatus[] }>> = {
  stop: { from: ['RUNNING', 'SUSPENDED'], done: ['TERMINATED'] },
  start: { from: ['TERMINATED'], done: ['RUNNING'] },
  suspend: { from: ['RUNNING'], done: ['SUSPENDED'] },
  resume: { from: ['SUSPENDED'], done: ['RUNNING'] },
  reset: { from: ['RUNNING'], done: [] },
};

const GOING_DOWN: readonly OperationType[] = [
  'stop',
  'suspend',
  'compute.instances.guestTerminate',
  'compute.instances.preempted',
];

export class Instances {
  readonly #options: InstancesOptions;

  constructor(options: InstancesOptions) {
    this.#options = options;
  }

  get(zone: string, name: string): InstanceRecord {
    const found = findInstance(this.#options.state, zone, name);
    if (found) return found;
    throw notFound(instancePath(this.#options.project, zone, name));
  }

  insert(request: InstanceRequest, place: Place, asker: Asker): OperationRecord {
    const { state, operations, project } = this.#options;
    const { instance, disk } = buildInstance(request, place);
    const self = instancePath(project, place.zone, instance.resource.name);
    const repeated = operations.findRepeated(asker.requestId, 'insert', `${API_ROOT}/${self}`);
    if (repeated) return repeated;
    if (findInstance(state, place.zone, instance.resource.name)) throw alreadyExists(self);
    if (findDisk(state, place.zone, disk.resource.name)) {
      throw alreadyExists(`projects/${project}/zones/${place.zone}/disks/${disk.resource.name}`);
    }
    state.value.instances.push(instance);
    state.value.disks.push(disk);
    return this.#begin('insert', instance, asker, () => this.runInsert(instance));
  }

  delete(zone: string, name: string, asker: Asker): OperationRecord {
    const { operations } = this.#options;
    const repeated = this.#findRepeated('delete', zone, name, asker);
    if (repeated) return repeated;
    const instance = this.get(zone, name);
    if (instance.resource['deletionProtection'] === true) {
      const why = "Resource cannot be deleted if it's protected against deletion.";
      throw invalidValue('resource.deletionProtection', 'true', why);
    }
    // A machine that is going down anyway may be deleted; it waits for that.
    const isGoingDown = (type: OperationType) => GOING_DOWN.includes(type);
    const isBlocked = operations
      .unfinished(instance)
      .some(({ resource }) => !isGoingDown(resource.operationType));
    if (isBlocked) throw notReady(this.#path(instance));
    return this.#begin('delete', instance, asker, () => this.runDelete(instance));
  }

  power(verb: PowerVerb, zone: string, name: string, asker: Asker): OperationRecord {
    const { operations } = this.#options;
    const repeated = this.#findRepeated(verb, zone, name, asker);
    if (repeated) return repeated;
    const instance = this.get(zone, name);
    if (operations.unfinished(instance).length > 0) throw notReady(this.#path(instance));
    const { status } = instance.resource;
    const { from, done } = POWER[verb];
    if (done.includes(status)) {
      return this.#begin(verb, instance, asker, () => Promise.resolve());
    }
    if (!from.includes(status)) throw this.#wrongStatus(verb, instance);
    return this.#begin(verb, instance, asker, () => this.runPower(verb, instance));
  }

  setLabels(
    zone: string,
    name: string,
    request: { labels?: Record<string, string> | undefined; labelFingerprint?: string | undefined },
    asker: Asker,
  ): OperationRecord {
    const repeated = this.#findRepeated('setLabels', zone, name, asker);
    if (repeated) return repeated;
    const instance = this.get(zone, name);
    const labels = request.labels ?? {};
    checkLabels('labels', labels);
    if (request.labelFingerprint !== instance.resource.labelFingerprint) {
      const why = 'Labels fingerprint either invalid or resource labels have changed';
      throw new GoogleError(412, 'conditionNotMet', why, { entry: fingerprintHeader });
    }
    if (!asker.failure) {
      instance.resource.labels = labels;
      instance.resource.labelFingerprint = fingerprintOf(labels);
    }
    return this.#begin('setLabels', instance, asker, () => Promise.resolve());
  }

  setMetadata(
    zone: string,
    name: string,
    request: {
      items?: { key: string; value: string }[] | undefined;
      fingerprint?: string | undefined;
    },
    asker: Asker,
  ): OperationRecord {
    const repeated = this.#findRepeated('setMetadata', zone, name, asker);
    if (repeated) return repeated;
    const instance = this.get(zone, name);
    const next = buildMetadata(request.items);
    if (request.fingerprint !== instance.resource.metadata.fingerprint) {
      const why = 'Supplied fingerprint does not match current metadata fingerprint.';
      throw new GoogleError(412, 'conditionNotMet', why, { entry: fingerprintHeader });
    }
    if (!asker.failure) instance.resource.metadata = next;
    return this.#begin('setMetadata', instance, asker, () => Promise.resolve());
  }

  async runInsert(instance: InstanceRecord): Promise<void> {
    const { machines, durations } = this.#options;
    try {
      await machines.start(instance, durations.insertMilliseconds);
    } catch (error) {
      this.#forget(instance);
      throw error;
    }
  }

  async runDelete(instance: InstanceRecord): Promise<void> {
    await this.#options.machines.remove(instance);
    this.#forget(instance);
  }

  async runStart(instance: InstanceRecord): Promise<void> {
    const { machines, durations } = this.#options;
    try {
      await machines.start(instance, durations.startMilliseconds);
    } catch (error) {
      machines.setTerminated(instance, 'The machine could not be started.');
      throw error;
    }
  }

  async runPower(verb: PowerVerb, instance: InstanceRecord): Promise<void> {
    const { machines } = this.#options;
    switch (verb) {
      case 'stop':
        await machines.stop(instance);
        return;
      case 'start':
        await this.runStart(instance);
        return;
      case 'suspend':
        if (!(await machines.suspend(instance))) throw this.#gone(instance);
        return;
      case 'resume':
        if (!(await machines.resume(instance))) throw this.#gone(instance);
        return;
      case 'reset':
        if (!machines.isPowered(instance)) throw this.#gone(instance);
        await machines.reset(instance);
        return;
      default:
        throw new Error(`not handled: ${String(verb satisfies never)}`);
    }
  }

  #begin(
    type: OperationType,
    instance: InstanceRecord,
    { email, requestId, failure }: Asker,
    work: () => Promise<void>,
  ): OperationRecord {
    const { operations, project } = this.#options;
    const fail = (fault: OperationFault) => {
      if (type === 'insert') this.#forget(instance);
      return Promise.reject(explainFault(fault, instance, project));
    };
    const failing = failure && (() => fail(failure));
    const spec = { type, instance, user: email, requestId };
    return operations.begin(spec, failing ?? work);
  }

  #findRepeated(
    type: OperationType,
    zone: string,
    name: string,
    { requestId }: Asker,
  ): OperationRecord | undefined {
    const target = `${API_ROOT}/${instancePath(this.#options.project, zone, name)}`;
    return this.#options.operations.findRepeated(requestId, type, target);
  }

  #wrongStatus(verb: PowerVerb, instance: InstanceRecord): GoogleError {
    const { status } = instance.resource;
    if (verb === 'reset') return notReady(this.#path(instance));
    const why = `Instance is in state ${status}; ${verb} needs one of: ${POWER[verb].from.join(', ')}.`;
    return invalidValue('instance', instance.resource.name, why);
  }

  #gone(instance: InstanceRecord): OperationError {
    const message = `The resource '${this.#path(instance)}' is not ready`;
    return new OperationError('RESOURCE_NOT_READY', message, 400);
  }

  #forget(instance: InstanceRecord): void {
    const { state } = this.#options;
    const { value } = state;
    const disks = new Set(instance.resource.disks.map(({ source }) => source));
    value.instances = value.instances.filter((other) => other !== instance);
    value.disks = value.disks.filter(({ resource }) => !disks.has(resource.selfLink));
    state.save();
  }

  #path({ zone, resource }: InstanceRecord): string {
    return instancePath(this.#options.project, zone, resource.name);
  }
}

const fingerprintHeader = { location: 'If-Match', locationType: 'header' };

export function findDisk(state: ComputeState, zone: string, name: string): DiskRecord | undefined {
  return state.value.disks.find(
    (disk) => disk.zone === zone && (disk.resource.name === name || disk.resource.id === name),
  );
}
