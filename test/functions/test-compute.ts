// Compute Engine in memory, as far as a session needs it, on the clock and the power switch of world.ts.
import type { Target } from '../../functions/apply.ts';
import type { Clock } from '../../functions/clock.ts';
import { AppError } from '../../functions/errors.ts';
import type { SerialOutput } from '../../functions/google/compute-resources.ts';
import type { Compute } from '../../functions/google/compute.ts';
import type { InstanceSpec } from '../../functions/instance.ts';
import type { SeenInstance, SeenOperation } from '../../functions/observe.ts';
import type { PowerSwitch } from './power-switch.ts';

type Verb = 'insert' | 'start' | 'resume' | 'suspend' | 'stop' | 'delete';

interface Operation {
  requestId: string;
  verb: Verb;
  endsAt: number;
  target: SeenInstance;
  error?: SeenOperation['error'];
  isDone: boolean;
}

const UNDER_WAY: Record<Verb, string> = {
  insert: 'STAGING',
  start: 'STAGING',
  resume: 'PROVISIONING',
  suspend: 'SUSPENDING',
  stop: 'STOPPING',
  delete: 'STOPPING',
};

export class TestCompute implements Compute {
  /** What the serial port of every machine shows, of its last boot. */
  serialOutput = '';
  readonly instances = new Map<string, SeenInstance>();
  readonly operations: Operation[] = [];
  /** Every instance that there ever was, and every call. */
  readonly made: string[] = [];
  readonly calls: { verb: Verb; requestId: string }[] = [];
  /** Thrown by the next mutation, which is then not taken. */
  refuseNext: AppError | undefined;
  /** The next mutation is taken, and its reply lost. */
  loseNextReply = false;
  /** The error that the next operation ends with. */
  failNext: SeenOperation['error'];
  isDown = false;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #power: PowerSwitch;
  readonly #operationSeconds: number;

  constructor(clock: Pick<Clock, 'now'>, power: PowerSwitch, operationSeconds = 6) {
    this.#clock = clock;
    this.#power = power;
    this.#operationSeconds = operationSeconds;
  }

  findInstances(sessionId?: string): Promise<SeenInstance[]> {
    this.#settle();
    const all = [...this.instances.values()];
    const isAsked = (label: string | undefined) => sessionId === undefined || label === sessionId;
    return Promise.resolve(all.filter(({ labels }) => isAsked(labels['datalab-session'])));
  }

  getInstance(zone: string, name: string): Promise<SeenInstance | undefined> {
    this.#settle();
    return Promise.resolve(this.#find({ zone, name }));
  }

  findOperation(_zone: string, requestId: string): Promise<SeenOperation | undefined> {
    this.#settle();
    const found = this.operations.find((operation) => operation.requestId === requestId);
    if (!found) return Promise.resolve(undefined);
    const { verb, target, isDone, error } = found;
    return Promise.resolve({
      name: `operation-${verb}`,
      status: isDone ? 'done' : 'running',
      targetId: target.id,
      error: isDone ? error : undefined,
    });
  }

  insertInstance(spec: InstanceSpec, requestId: string): Promise<void> {
    return this.#mutate('insert', requestId, () => {
      if (this.instances.has(spec.name)) throw new AppError('ALREADY_EXISTS', 'exists');
      const id = String(1000 + this.made.length);
      this.made.push(spec.name);
      const { name, zone, labels } = spec;
      const instance = { id, name, zone, labels, status: 'PROVISIONING' };
      this.instances.set(name, instance);
      return instance;
    });
  }

  startInstance(target: Target, requestId: string): Promise<void> {
    return this.#mutate('start', requestId, () => this.#named(target));
  }

  resumeInstance(target: Target, requestId: string): Promise<void> {
    return this.#mutate('resume', requestId, () => this.#named(target));
  }

  suspendInstance(target: Target, requestId: string): Promise<void> {
    return this.#mutate('suspend', requestId, () => this.#named(target));
  }

  stopInstance(target: Target, requestId: string): Promise<void> {
    return this.#mutate('stop', requestId, () => this.#named(target));
  }

  deleteInstance(target: Target, requestId: string): Promise<void> {
    return this.#mutate('delete', requestId, () => this.#named(target));
  }

  /** As Google does: a position behind the end is answered as the end. */
  readSerialPort(zone: string, name: string, start: number): Promise<SerialOutput | undefined> {
    if (this.#find({ zone, name })?.status !== 'RUNNING') return Promise.resolve(undefined);
    const all = Buffer.from(this.serialOutput);
    const from = Math.min(start, all.length);
    const contents = all.subarray(from).toString();
    return Promise.resolve({ contents, start: from, next: all.length });
  }

  /** What somebody does in the console, or the machine to itself. */
  setStatus(status: 'RUNNING' | 'TERMINATED' | 'SUSPENDED' | 'gone'): void {
    for (const instance of this.instances.values()) {
      if (status === 'gone') this.instances.delete(instance.name);
      else this.#setStatus(instance, status);
    }
  }

  async #mutate(verb: Verb, requestId: string, find: () => SeenInstance): Promise<void> {
    this.#power.before(verb);
    await Promise.resolve();
    this.#settle();
    this.calls.push({ verb, requestId });
    const refusal = this.refuseNext;
    this.refuseNext = undefined;
    if (refusal) throw refusal;
    if (!this.operations.some((operation) => operation.requestId === requestId)) {
      this.#begin(verb, requestId, find());
    }
    if (this.loseNextReply) {
      this.loseNextReply = false;
      throw new AppError('UNAVAILABLE', 'no answer', { isRetryable: true });
    }
    this.#power.after(verb);
  }

  #begin(verb: Verb, requestId: string, target: SeenInstance): void {
    target.status = UNDER_WAY[verb];
    const endsAt = this.#clock.now() + this.#operationSeconds * 1000;
    const error = this.failNext;
    this.failNext = undefined;
    this.operations.push({ requestId, verb, endsAt, target, error, isDone: false });
  }

  #settle(): void {
    if (this.isDown) throw new AppError('UNAVAILABLE', 'down', { isRetryable: true });
    for (const operation of this.operations) {
      if (operation.isDone || operation.endsAt > this.#clock.now()) continue;
      operation.isDone = true;
      this.#finish(operation);
    }
  }

  #finish({ verb, target, error }: Operation): void {
    if (verb === 'delete' || (verb === 'insert' && error)) this.instances.delete(target.name);
    else if (verb === 'suspend') this.#setStatus(target, error ? 'RUNNING' : 'SUSPENDED');
    else if (verb === 'stop') this.#setStatus(target, error ? 'RUNNING' : 'TERMINATED');
    else this.#setStatus(target, error ? 'TERMINATED' : 'RUNNING');
  }

  #setStatus(instance: SeenInstance, status: string): void {
    const isBoot = status === 'RUNNING' && instance.status !== 'SUSPENDING';
    if (isBoot) instance.startedAt = new Date(this.#clock.now()).toISOString();
    instance.internalIp = '10.0.0.2';
    instance.status = status;
  }

  #named(target: Target): SeenInstance {
    const found = this.#find(target);
    if (!found) throw new AppError('NOT_FOUND', `no ${target.name} in ${target.zone}`);
    return found;
  }

  #find({ zone, name }: Target): SeenInstance | undefined {
    const found = this.instances.get(name);
    return found?.zone === zone ? found : undefined;
  }
}
