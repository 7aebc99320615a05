// Zone operations: every change of an instance is one, takes its time, and ends DONE, with or without an
// error. Operations on one instance run one after the other.
import { delay, timestamp, type Clock } from '../clock.ts';
import { invalidValue } from '../google-error.ts';
import { createNumericId, createOperationName } from '../ids.ts';
import type { Log } from '../router.ts';
import { API_ROOT, instancePath, operationPath, type Json } from './links.ts';
import type { ComputeState, InstanceRecord, OperationRecord, OperationType } from './state.ts';

/** An operation that ends with an error, as Google words it. */
export class OperationError extends Error {
  override name = 'OperationError';
  readonly code: string;
  readonly httpStatus: number;
  readonly details: readonly Json[];

  constructor(code: string, message: string, httpStatus: number, details: readonly Json[] = []) {
    super(message);
    this.code = code;
    this.httpStatus = httpStatus;
    this.details = details;
  }
}

export interface OperationSpec {
  type: OperationType;
  instance: InstanceRecord;
  /** Who asked: an e-mail, or `system`. */
  user: string;
  requestId?: string | undefined;
}

export interface OperationsOptions {
  state: ComputeState;
  project: string;
  clock: Clock;
  log: Log;
  /** How long an operation stays PENDING. */
  pendingMilliseconds: number;
}

/** Google forgets operations after some days; we after so many. */
const MAX_OPERATIONS = 1000;

export class Operations {
  readonly #options: OperationsOptions;
  /** By instance id: the end of what is under way there. */
  readonly #queues = new Map<string, Promise<void>>();
  /** By operation name, while it is under way. */
  readonly #running = new Map<string, Promise<void>>();
  #isClosed = false;

  constructor(options: OperationsOptions) {
    this.#options = options;
  }

  /** Records the operation and lets `work` follow; what it throws is the operation's error. */
  begin(spec: OperationSpec, work: () => Promise<void>): OperationRecord {
    const record = this.#create(spec);
    const { operations } = this.#options.state.value;
    operations.push(record);
    operations.splice(0, Math.max(0, operations.length - MAX_OPERATIONS));
    this.#options.state.save();
    this.#follow(record, spec.instance, work);
    return record;
  }

  /** Carries on with what an earlier emulator began. */
  resume(record: OperationRecord, instance: InstanceRecord, work: () => Promise<void>): void {
    this.#follow(record, instance, work);
  }

  /** The operation that the same request began before. */
  findRepeated(
    requestId: string | undefined,
    type: OperationType,
    targetLink: string,
  ): OperationRecord | undefined {
    if (requestId === undefined) return undefined;
    const found = this.#options.state.value.operations.find(
      ({ resource }) => resource.clientOperationId === requestId,
    );
    if (!found) return undefined;
    const { operationType, targetLink: target } = found.resource;
    if (operationType === type && target === targetLink) return found;
    throw invalidValue('requestId', requestId, 'It has been used for another request.');
  }

  /** Operations on this instance that have not ended. */
  unfinished(instance: InstanceRecord): OperationRecord[] {
    return this.#options.state.value.operations.filter(
      ({ resource }) => resource.status !== 'DONE' && resource.targetId === instance.resource.id,
    );
  }

  /** Settles when the operation has ended. */
  ended(name: string): Promise<void> {
    return this.#running.get(name) ?? Promise.resolve();
  }

  finish(record: OperationRecord, error?: OperationError): void {
    const { clock, state } = this.#options;
    Object.assign(record.resource, {
      status: 'DONE',
      progress: 100,
      endTime: timestamp(clock),
      ...(error === undefined
        ? {}
        : {
            error: { errors: [errorEntry(error)] },
            httpErrorStatusCode: error.httpStatus,
            httpErrorMessage: HTTP_MESSAGES[error.httpStatus] ?? 'INTERNAL SERVER ERROR',
          }),
    });
    state.save();
  }

  /** After this nothing is recorded any more: the power is cut. */
  close(): void {
    this.#isClosed = true;
  }

  #follow(record: OperationRecord, instance: InstanceRecord, work: () => Promise<void>): void {
    const key = instance.resource.id;
    const before = this.#queues.get(key) ?? Promise.resolve();
    const name = record.resource.name;
    const run = before
      .then(() => this.#run(record, work))
      .finally(() => {
        this.#running.delete(name);
        if (this.#queues.get(key) === run) this.#queues.delete(key);
      });
    this.#queues.set(key, run);
    this.#running.set(name, run);
  }

  async #run(record: OperationRecord, work: () => Promise<void>): Promise<void> {
    const { clock, state, pendingMilliseconds } = this.#options;
    try {
      await delay(clock, pendingMilliseconds);
      if (this.#isCut()) return;
      Object.assign(record.resource, { status: 'RUNNING', startTime: timestamp(clock) });
      state.save();
      await work();
      if (!this.#isCut()) this.finish(record);
    } catch (error) {
      if (!this.#isCut()) this.finish(record, this.#explain(record, error));
    }
  }

  #isCut(): boolean {
    return this.#isClosed;
  }

  #explain({ resource, instance }: OperationRecord, error: unknown): OperationError {
    if (error instanceof OperationError) return error;
    const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#options.log(`${resource.operationType} of instance ${instance} failed: ${why}`);
    const message = `Internal error. Please try again or contact Google Support. (Code: '${resource.name}')`;
    return new OperationError('INTERNAL_ERROR', message, 500);
  }

  #create({ type, instance, user, requestId }: OperationSpec): OperationRecord {
    const { project, clock } = this.#options;
    const { zone, resource } = instance;
    const name = createOperationName(clock.now(), user === 'system' ? 'systemevent' : 'operation');
    const now = timestamp(clock);
    return {
      zone,
      instance: resource.name,
      resource: {
        kind: 'compute#operation',
        id: createNumericId(),
        name,
        ...(requestId === undefined ? {} : { clientOperationId: requestId }),
        operationType: type,
        targetLink: `${API_ROOT}/${instancePath(project, zone, resource.name)}`,
        targetId: resource.id,
        zone: `${API_ROOT}/projects/${project}/zones/${zone}`,
        status: 'PENDING',
        ...(type === 'compute.instances.preempted' ? { statusMessage: PREEMPTED } : {}),
        user,
        progress: 0,
        insertTime: now,
        selfLink: `${API_ROOT}/${operationPath(project, zone, name)}`,
      },
    };
  }
}

const PREEMPTED = 'Instance was preempted.';

function errorEntry({ code, message, details }: OperationError): Json {
  return { code, message, ...(details.length > 0 ? { errorDetails: details } : {}) };
}

const HTTP_MESSAGES: Readonly<Record<number, string>> = {
  400: 'BAD REQUEST',
  403: 'FORBIDDEN',
  404: 'NOT FOUND',
  409: 'CONFLICT',
  500: 'INTERNAL SERVER ERROR',
  503: 'SERVICE UNAVAILABLE',
};
