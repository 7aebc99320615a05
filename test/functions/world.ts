// A world in memory for the tests of the backend's core: Google as far as a session needs it, on a clock that moves only
// when told, and a power switch that can be thrown between any two steps. The store is the real one.
import { readFileSync } from 'node:fs';
import type { SessionRecord } from '../../functions/record.ts';
import { stateOf, NEXT_STATES } from '../../functions/session.ts';
import type { ApiDeps } from '../../functions/api.ts';
import type { Clock } from '../../functions/clock.ts';
import { parseConfig, type Config } from '../../functions/config.ts';
import { createUid } from '../../functions/uid.ts';
import { News, tellingStore } from '../../functions/news.ts';
import type { SessionStore } from '../../functions/store/session-store.ts';
import type { ImageStore } from '../../functions/store/image-store.ts';
import { openSqliteStore } from '../../functions/store/sqlite.ts';
import { PowerSwitch } from './power-switch.ts';
import { TestBuilds } from './test-builds.ts';
import { TestCompute } from './test-compute.ts';
import { TestGrants } from './test-grants.ts';

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
  const none = '/dev/null';
  const installed = { startupScriptFile: none, buildFile: none, extendFile: none };
  return parseConfig(env, { ...installed, readFile: (file) => readFileSync(file, 'utf8') });
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

export interface World extends Disposable {
  clock: TestClock;
  power: PowerSwitch;
  compute: TestCompute;
  builds: TestBuilds;
  grants: TestGrants;
  store: SessionStore;
  deps: ApiDeps;
  /** Every change of state that was saved, such as `BOOTING READY`. */
  transitions: Set<string>;
}

export function createWorld(overrides: Record<string, string> = {}): World {
  const clock = new TestClock();
  const power = new PowerSwitch();
  const compute = new TestCompute(clock, power);
  const builds = new TestBuilds(clock, power);
  const grants = new TestGrants(power);
  const real = openSqliteStore(':memory:');
  const transitions = new Set<string>();
  const news = new News();
  const store = tellingStore(watchedStore(real, power, transitions), news);
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
    news,
    compute,
    images: watchedImages(real, power),
    registry: builds,
    builds,
    buildLog: builds,
    logEntries: { list: () => Promise.reject(new Error('not used here')) },
    serialPorts: { readSerialPort: () => Promise.reject(new Error('not used here')) },
    grants,
    catalog: { findMissing: () => Promise.resolve(undefined) },
    identity: { verify: () => Promise.reject(new Error('not used here')) },
    startupScript: () => Promise.resolve('#!/bin/bash'),
    createUid,
  };
  const dispose = () => {
    real[Symbol.dispose]();
  };
  return {
    clock,
    power,
    compute,
    builds,
    grants,
    store,
    deps,
    transitions,
    [Symbol.dispose]: dispose,
  };
}

function boundaries(power: PowerSwitch) {
  return async <T>(work: () => Promise<T>): Promise<T> => {
    power.boundary();
    const result = await work();
    power.boundary();
    return result;
  };
}

function watchedImages(store: ImageStore, power: PowerSwitch): ImageStore {
  const write = boundaries(power);
  return {
    getImage: (name) => store.getImage(name),
    createImage: (record) => write(() => store.createImage(record)),
    saveImage: (record) => write(() => store.saveImage(record)),
  };
}

/** The real store with a boundary before and after each write, and every change of state checked against the table. */
function watchedStore(
  store: SessionStore,
  power: PowerSwitch,
  transitions: Set<string>,
): SessionStore {
  const write = boundaries(power);
  return {
    get: (uid) => store.get(uid),
    findByName: (owner, name) => store.findByName(owner, name),
    list: (page) => store.list(page),
    takeLease: (uid, holder, now, until) => store.takeLease(uid, holder, now, until),
    releaseLease: (uid, holder) => store.releaseLease(uid, holder),
    findTombstone: (uid, now) => store.findTombstone(uid, now),
    listWaitingFor: (image, size) => store.listWaitingFor(image, size),
    takeDue: (now, until, size) => store.takeDue(now, until, size),
    create: (record) => write(() => store.create(record)),
    remove: (record, expireAt) => write(() => store.remove(record, expireAt)),
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
