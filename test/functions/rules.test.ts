// Rules of the one path that hold for every session and every trigger: what is saved and when, what is awaited, what an
// event may change.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { noteBuildEvent } from '../../functions/build-events.ts';
import { buildImage } from '../../functions/image.ts';
import { instanceSpec } from '../../functions/instance.ts';
import { observe, type Looks } from '../../functions/observe.ts';
import { reap } from '../../functions/reaper.ts';
import { reconcile } from '../../functions/reconcile.ts';
import { STEPS, type SessionRecord, type StepKind } from '../../functions/record.ts';
import { stateOf } from '../../functions/session.ts';
import { getSession } from '../../functions/sessions.ts';
import { ask, create, driveTo, register, report, reportAs, USER } from './drive.ts';
import { claimed } from './plan-fixture.ts';
import { aRecord } from './store/store-contract.ts';
import { createWorld, IMAGES, type World } from './world.ts';

const ADMINISTRATOR = { ...USER, isAdministrator: true };

/** The same object, with its methods called by `call`. */
function around<T extends object>(
  target: T,
  call: (name: string, work: () => Promise<unknown>) => Promise<unknown>,
): T {
  return new Proxy(target, {
    get: (of, name) => {
      const method: unknown = Reflect.get(of, name);
      if (typeof method !== 'function') return method;
      return (...args: unknown[]) =>
        call(String(name), () => Reflect.apply(method, of, args) as Promise<unknown>);
    },
  });
}

/** What is in the store when Google is called, at every call of a step. */
function watchCalls(world: World, onCall: (step: StepKind, stored: SessionRecord) => void): void {
  const { deps, store } = world;
  const watch = async (name: string, work: () => Promise<unknown>) => {
    const [step] = /^(insert|start|resume|suspend|stop|delete|grant(?=$))/.exec(name) ?? [];
    if (step === undefined) return await work();
    const [stored] = await store.list({ size: 1 });
    assert.equal(stored?.claim?.step, step, 'the claim is there before the call');
    onCall(stored.claim.step, stored);
    return await work();
  };
  deps.compute = around(deps.compute, watch);
  deps.grants = around(deps.grants, watch);
}

/** Every step there is. */
async function live(world: World): Promise<string> {
  const { id } = await create(world);
  await driveTo(world, id, 'READY');
  await ask(world, id, 'suspended');
  await driveTo(world, id, 'SUSPENDED', { isAgentAlive: false });
  await ask(world, id, 'running');
  await driveTo(world, id, 'READY', { isAgentAlive: false });
  await ask(world, id, 'stopped');
  await driveTo(world, id, 'STOPPED');
  await ask(world, id, 'running');
  await driveTo(world, id, 'READY');
  await ask(world, id, 'deleted');
  await driveTo(world, id, 'removed');
  return id;
}

describe('a step', () => {
  it('is claimed before it is done: step, attempt, id and deadline are saved, and shown', async () => {
    using world = createWorld();
    const seen = new Map<StepKind, SessionRecord>();
    watchCalls(world, (step, stored) => seen.set(step, stored));
    await live(world);
    assert.deepEqual(new Set(seen.keys()), new Set(STEPS));
    for (const [step, { claim, attempt }] of seen) {
      assert.ok(claim && claim.attempt === attempt && claim.requestId !== '', step);
      assert.ok(claim.deadline > claim.callUntil, step);
    }
    const states = STEPS.map((step) => stateOf(seen.get(step) ?? assert.fail(step)));
    const expected = ['CREATING', 'STARTING', 'RESUMING', 'SUSPENDING', 'STOPPING', 'DELETING'];
    assert.deepEqual(states, [...expected, 'BOOTING']);
  });

  it('is the last thing that is done: nothing is saved after it', async () => {
    using world = createWorld();
    let version: string | undefined;
    watchCalls(world, (_step, stored) => (version = stored.version));
    const { id } = await create(world);
    for (let round = 0; round < 10; round += 1) {
      if (version !== undefined) assert.equal((await world.store.get(id))?.version, version);
      version = undefined;
      world.clock.advance(3);
      await reconcile(id, world.deps);
    }
  });
});

describe('a session in which nothing changed', () => {
  it('is not saved, whoever looks at it or reports', async () => {
    using world = createWorld();
    const { id } = await create(world);
    await driveTo(world, id, 'BOOTING', { isAgentAlive: false });
    await register(world, id, 'b');
    await report(world, id, 'b', 7);
    const before = await world.store.get(id);
    for (let round = 0; round < 5; round += 1) {
      world.clock.advance(2.5);
      await reconcile(id, world.deps);
      await register(world, id, 'b');
      await report(world, id, 'b', 7 - round);
      await reap(world.deps);
    }
    assert.deepEqual(await world.store.get(id), before);
  });
});

/** Every call outside takes its time, Google's most, so one that nobody awaits is under way when the reply is there. */
function countPending(world: World): () => number {
  let pending = 0;
  const taking = (turns: number) => async (_name: string, work: () => Promise<unknown>) => {
    pending += 1;
    try {
      for (let turn = 0; turn < turns; turn += 1) await nextTurn();
      return await work();
    } finally {
      pending -= 1;
    }
  };
  const [store, google] = [taking(1), taking(50)];
  const { deps } = world;
  Object.assign(deps, {
    ...{ store: around(deps.store, store), images: around(deps.images, store) },
    ...{ compute: around(deps.compute, google), grants: around(deps.grants, google) },
    ...{ builds: around(deps.builds, google), registry: around(deps.registry, google) },
  });
  return () => pending;
}

describe('a reply', () => {
  it('comes when everything is done: nothing is under way after it, whatever was asked', async () => {
    using world = createWorld();
    world.builds.removeGateway();
    const pending = countPending(world);
    const done = async <T>(what: string, work: Promise<T>): Promise<T> => {
      const result = await work;
      assert.equal(pending(), 0, `after ${what}`);
      return result;
    };
    const { id } = await done('POST /v1/sessions', create(world));
    await done('POST /v1/image:build', buildImage(ADMINISTRATOR, { force: true }, world.deps));
    world.clock.advance(61);
    await done('the message of a build', noteBuildEvent(world.deps));
    for (let round = 0; round < 4; round += 1) {
      world.clock.advance(20);
      await done('a reap', reap(world.deps));
      const { signal } = new AbortController();
      const { revision } = await done('GET', getSession(USER, id, {}, signal, world.deps));
      const wait = { afterRevision: revision, waitSeconds: 5 };
      await done('GET that waits', getSession(USER, id, wait, signal, world.deps));
    }
    await done(':register', register(world, id, 'b'));
    await done(':report', report(world, id, 'b', 1));
    assert.equal((await ask(world, id, 'running')).state, 'READY');
    for (const want of ['suspended', 'running', 'stopped', 'deleted'] as const) {
      await done(want, ask(world, id, want));
      world.clock.advance(20);
      await done('a reap', reap(world.deps));
    }
    assert.equal(world.compute.instances.size, 0);
  });
});

describe('a message about a build', () => {
  it('that is late, or comes again, changes nothing', async () => {
    using world = createWorld();
    world.builds.removeGateway();
    const { id } = await create(world);
    await driveTo(world, id, 'READY');
    const before = await world.store.get(id);
    for (const seconds of [0, 3600, 0, 7 * 86_400]) {
      world.clock.advance(seconds);
      await noteBuildEvent(world.deps);
    }
    assert.deepEqual(await world.store.get(id), before);
    assert.equal(world.builds.all.length, 1, 'nobody builds again');
  });

  it('that comes before the build has ended only looks at it', async () => {
    using world = createWorld();
    world.builds.removeGateway();
    const { id } = await create(world);
    await noteBuildEvent(world.deps);
    const early = await world.store.get(id);
    assert.equal(early && stateOf(early), 'BUILDING_IMAGE');
    await driveTo(world, id, 'READY');
    assert.equal(world.builds.all.length, 1);
  });

  it('of somebody else’s build builds nothing', async () => {
    using world = createWorld();
    world.builds.removeGateway();
    await noteBuildEvent(world.deps);
    assert.equal(world.builds.all.length, 0);
    assert.equal(await world.deps.images.getImage('gcr.io/p/datalab-gateway:latest'), undefined);
  });
});

describe('an instance', () => {
  const record = aRecord('a', { images: IMAGES, generation: 1, claim: claimed('insert') });

  function looksOf({ compute }: World): Looks {
    return {
      findInstances: (id) => compute.findInstances(id),
      getInstance: (zone, name) => compute.getInstance(zone, name),
      findOperation: () => Promise.resolve(undefined),
      findImages: () => assert.fail('its images are pinned'),
      hasGrant: () => Promise.resolve(true),
    };
  }

  it('is found by its label in whichever zone it was made, by a call whose answer was lost', async () => {
    using world = createWorld();
    const spec = instanceSpec(record, IMAGES, '', world.deps.config);
    await world.compute.insertInstance({ ...spec, zone: 'us-east1-b' }, 'r');
    const { instance } = await observe(record, looksOf(world));
    assert.ok(instance !== 'absent');
    assert.deepEqual([instance.name, instance.zone], ['datalab-a-1', 'us-east1-b']);
  });

  it('is none of the session’s when only its name is, and not its id', async () => {
    using world = createWorld();
    const { id } = await create(world);
    await driveTo(world, id, 'READY');
    world.compute.setStatus('gone');
    const known = await world.store.get(id);
    assert.ok(known);
    const spec = instanceSpec(known, IMAGES, '', world.deps.config);
    await world.compute.insertInstance(spec, 'somebody else’s');
    const lost = await reconcile(id, world.deps);
    assert.equal(lost && stateOf(lost), 'FAILED');
    assert.match(lost?.failure?.message ?? '', /deleted outside/);
  });
});

describe('start', () => {
  it('writes when the session was used, also where it changes nothing else, and begins a full idle time', async () => {
    using world = createWorld();
    const { id } = await create(world, 'default', { idleTimeoutSeconds: 600 });
    await driveTo(world, id, 'READY');
    const before = await world.store.get(id);
    assert.ok(before);
    world.clock.advance(500);
    const { awake } = await ask(world, id, 'running');
    assert.equal((await world.store.get(id))?.usedAt, world.clock.now());
    assert.equal(awake?.sleepTime, new Date(world.clock.now() + 600_000).toISOString());
    const asleep = { ...before, want: 'suspended' as const, claim: claimed('suspend') };
    assert.equal(await world.store.save(asleep), undefined, 'a sleep that was planned before');
  });
});

describe('an idle session', () => {
  it('is asked to sleep by the reaper, and hears of it with its next report', async () => {
    using world = createWorld();
    const { id } = await create(world, 'default', { idleTimeoutSeconds: 600 });
    await driveTo(world, id, 'BOOTING', { isAgentAlive: false });
    const agent = { bootId: 'b', sequence: 0, startedAt: '' };
    await register(world, id, 'b');
    await reportAs(world, id, agent);
    world.clock.advance(600);
    assert.equal((await reap(world.deps)).reconciled, 1);
    const { sleep } = (await world.store.get(id)) ?? {};
    assert.ok(sleep && sleep.toldAt === undefined);
    assert.equal((await reportAs(world, id, agent)).sleep?.nonce, sleep.nonce);
  });
});
