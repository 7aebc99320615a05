// A world in memory for the tests of the backend's core: Compute Engine as far as a session needs it, on a clock that
// moves only when told, and a power switch that can be thrown between any two steps. The store is the real one.
import type { SessionRecord } from '../../functions/record.ts';
import { stateOf, NEXT_STATES } from '../../functions/session.ts';
import type { ApiDeps } from '../../functions/api.ts';
import type { Target } from '../../functions/apply.ts';
import type { Clock } from '../../functions/clock.ts';
import { parseConfig, type Config } from '../../functions/config.ts';
import { createUid } from '../../functions/deps.ts';
import { AppError } from '../../functions/errors.ts';
import type { Compute } from '../../functions/google/compute.ts';
import type { InstanceSpec } from '../../functions/instance.ts';
import type { SeenInstance, SeenOperation } from '../../functions/observe.ts';
import type { SessionStore } from '../../functions/store/session-store.ts';
import { openSqliteStore } from '../../functions/store/sqlite.ts';

export const IMAGES = {
  gateway: `gcr.io/p/datalab-gateway@sha256:${'a'.repeat(64)}`,
  agent: `gcr.io/p/datalab-agent@sha256:${'b'.repeat(64)}`,
};

export function testConfig(overrides: Record<string, string> = {}): Config {
  const env = {
    PROJECT_ID: 'p',
    ZONE: 'europe-west1-b',
    API_URL: 'https://api.example',
    SQLITE_FILE: ':memory:',
    SESSION_TOKEN_KEYS: JSON.stringify({ 1: Buffer.alloc(32, 7).toString('base64url') }),
    ...overrides,
  };
  return parseConfig(env, '/dev/null');
}

/** The process is gone: nothing after this point happens. */
export class Killed extends Error {}

/** Kills at the n-th boundary between steps, once. */
export class PowerSwitch {
  passed = 0;
  killAt: number | undefined;

  boundary(): void {
    this.passed += 1;
    if (this.passed !== this.killAt) return;
    this.killAt = undefined;
    throw new Killed();
  }
}

export class TestClock implements Clock {
  #now = Date.UTC(2026, 0, 1);

  now(): number {
    return this.#now;
  }

  advance(seconds: number): void {
    this.#now += seconds * 1000;
  }

  async sleep(milliseconds: number): Promise<void> {
    this.#now += milliseconds;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

type Verb = 'insert' | 'start' | 'resume' | 'stop' | 'delete';

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
  stop: 'STOPPING',
  delete: 'STOPPING',
};

export class TestCompute implements Compute {
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

  findInstances(sessionId: string): Promise<SeenInstance[]> {
    this.#settle();
    const all = [...this.instances.values()];
    return Promise.resolve(all.filter(({ labels }) => labels['datalab-session'] === sessionId));
  }

  getInstance(_zone: string, name: string): Promise<SeenInstance | undefined> {
    this.#settle();
    return Promise.resolve(this.instances.get(name));
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

  stopInstance(target: Target, requestId: string): Promise<void> {
    return this.#mutate('stop', requestId, () => this.#named(target));
  }

  deleteInstance(target: Target, requestId: string): Promise<void> {
    return this.#mutate('delete', requestId, () => this.#named(target));
  }

  /** What somebody does in the console, or the machine to itself. */
  setStatus(status: 'RUNNING' | 'TERMINATED' | 'SUSPENDED' | 'gone'): void {
    for (const instance of this.instances.values()) {
      if (status === 'gone') this.instances.delete(instance.name);
      else this.#setStatus(instance, status);
    }
  }

  async #mutate(verb: Verb, requestId: string, find: () => SeenInstance): Promise<void> {
    this.#power.boundary();
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
    this.#power.boundary();
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
    else if (verb === 'stop') this.#setStatus(target, error ? 'RUNNING' : 'TERMINATED');
    else this.#setStatus(target, error ? 'TERMINATED' : 'RUNNING');
  }

  #setStatus(instance: SeenInstance, status: string): void {
    if (status === 'RUNNING') instance.startedAt = new Date(this.#clock.now()).toISOString();
    instance.internalIp = '10.0.0.2';
    instance.status = status;
  }

  #named({ name }: Target): SeenInstance {
    const found = this.instances.get(name);
    if (!found) throw new AppError('NOT_FOUND', `no ${name}`);
    return found;
  }
}

export interface World extends Disposable {
  clock: TestClock;
  power: PowerSwitch;
  compute: TestCompute;
  store: SessionStore;
  deps: ApiDeps;
  /** Every change of state that was saved, such as `BOOTING READY`. */
  transitions: Set<string>;
}

export function createWorld(overrides: Record<string, string> = {}): World {
  const clock = new TestClock();
  const power = new PowerSwitch();
  const compute = new TestCompute(clock, power);
  const real = openSqliteStore(':memory:');
  const transitions = new Set<string>();
  const store = watchedStore(real, power, transitions);
  const deps: ApiDeps = {
    config: testConfig(overrides),
    clock,
    log: {
      warn: () => undefined,
      bug: (error) => {
        throw error;
      },
    },
    store,
    compute,
    registry: { pinImages: () => Promise.resolve(IMAGES) },
    identity: { verify: () => Promise.reject(new Error('not used here')) },
    startupScript: () => Promise.resolve('#!/bin/bash'),
    createUid,
  };
  const dispose = () => {
    real[Symbol.dispose]();
  };
  return { clock, power, compute, store, deps, transitions, [Symbol.dispose]: dispose };
}

/** The real store with a boundary before and after each write, and every change of state checked against the table. */
function watchedStore(
  store: SessionStore,
  power: PowerSwitch,
  transitions: Set<string>,
): SessionStore {
  const write = async <T>(work: () => Promise<T>): Promise<T> => {
    power.boundary();
    const result = await work();
    power.boundary();
    return result;
  };
  return {
    get: (uid) => store.get(uid),
    findByName: (owner, name) => store.findByName(owner, name),
    list: (page) => store.list(page),
    takeLease: (uid, holder, now, until) => store.takeLease(uid, holder, now, until),
    releaseLease: (uid, holder) => store.releaseLease(uid, holder),
    create: (record) => write(() => store.create(record)),
    remove: (record) => write(() => store.remove(record)),
    save: (record) =>
      write(async () => {
        const before = await store.get(record.uid);
        const saved = await store.save(record);
        if (before && saved) noteTransition(before, saved, transitions);
        return saved;
      }),
  };
}

function noteTransition(before: SessionRecord, after: SessionRecord, transitions: Set<string>) {
  const [from, to] = [stateOf(before), stateOf(after)];
  if (from === to) return;
  transitions.add(`${from} ${to}`);
  if (!NEXT_STATES[from].includes(to)) throw new Error(`${from} -> ${to} is not in NEXT_STATES`);
}
