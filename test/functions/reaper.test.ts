// What Cloud Scheduler starts every minute.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { backendId, type InstanceSpec } from '../../functions/instance.ts';
import { reap } from '../../functions/reaper.ts';
import { reconcile } from '../../functions/reconcile.ts';
import { stateOf } from '../../functions/session.ts';
import { ask, create, driveTo } from './drive.ts';
import { createWorld, testConfig, type World } from './world.ts';

async function storedState(world: World, id: string): Promise<string> {
  const record = await world.store.get(id);
  return record ? stateOf(record) : 'removed';
}

describe('the reaper', () => {
  it('finishes what nobody waits for', async () => {
    using world = createWorld();
    const { id } = await create(world);
    await driveTo(world, id, 'READY');
    await ask(world, id, 'deleted');
    for (let minute = 0; minute < 3; minute += 1) {
      world.clock.advance(60);
      await reap(world.deps);
    }
    assert.equal(await storedState(world, id), 'removed');
    assert.equal(world.compute.instances.size, 0);
  });

  it('does a step that a process has died before', async () => {
    using world = createWorld();
    world.power.interruption = { step: 'insert', how: 'before' };
    await assert.rejects(create(world));
    const [record] = await world.store.list({ size: 1 });
    assert.equal(world.compute.made.length, 0);
    world.clock.advance(60);
    await reap(world.deps);
    assert.equal(world.compute.made.length, 1);
    assert.equal(await storedState(world, record?.uid ?? ''), 'CREATING');
  });

  it('reads only what is due', async () => {
    using world = createWorld();
    const { id } = await create(world, 'sleeping');
    await driveTo(world, id, 'READY');
    await ask(world, id, 'stopped');
    await driveTo(world, id, 'STOPPED');
    world.clock.advance(86_400);
    assert.deepEqual(await reap(world.deps), { reconciled: 0, failed: 0, forgotten: 0 });
  });

  it('is held up by no session that cannot be reconciled', async () => {
    using world = createWorld();
    const bad = await create(world, 'bad');
    const good = await create(world, 'good');
    world.clock.advance(60);
    const { store } = world.deps;
    const get = (uid: string) =>
      uid === bad.id ? Promise.reject(new Error('not a record')) : store.get(uid);
    const deps = {
      ...world.deps,
      store: { ...store, get },
      log: { warn: () => undefined, bug: () => undefined },
    };
    const { reconciled, failed } = await reap(deps);
    assert.deepEqual([reconciled, failed], [1, 1]);
    assert.equal(await storedState(world, good.id), 'BOOTING');
    const again = await reap(deps);
    assert.equal(again.failed, 0, 'it was put off before it was worked on');
  });

  it('may run twice at once: every step is done once', async () => {
    using world = createWorld();
    const views = await Promise.all(
      Array.from({ length: 30 }, (_, index) => create(world, `s-${index}`)),
    );
    for (const { id } of views) await ask(world, id, 'stopped');
    for (let minute = 0; minute < 4; minute += 1) {
      world.clock.advance(60);
      await Promise.all([reap(world.deps), reap(world.deps)]);
    }
    for (const { id } of views) assert.equal(await storedState(world, id), 'STOPPED');
    const stops = world.compute.operations.filter(({ verb }) => verb === 'stop');
    assert.equal(stops.length, 30);
  });

  it('works on several sessions at once, eight at most, until none is due', async () => {
    using world = createWorld();
    const names = Array.from({ length: 60 }, (_, index) => `s-${index}`);
    for (const name of names) await create(world, name);
    world.clock.advance(60);
    const { store } = world;
    let [present, most] = [0, 0];
    const get = async (uid: string) => {
      present += 1;
      most = Math.max(most, present);
      await nextTurn();
      present -= 1;
      return await store.get(uid);
    };
    world.deps.store = { ...store, get };
    const { reconciled } = await reap(world.deps);
    assert.equal(reconciled, 60);
    assert.equal(most, 8);
  });

  it('leaves a session that is busy booting to its boot', async () => {
    using world = createWorld();
    const { id } = await create(world);
    await driveTo(world, id, 'BOOTING', { isAgentAlive: false });
    world.clock.advance(60);
    await reap(world.deps);
    assert.equal(stateOf((await reconcile(id, world.deps)) ?? assert.fail()), 'BOOTING');
  });
});

describe('an instance that somebody else has started', () => {
  it('is noticed within two hours, and stopped if no gateway answers there', async () => {
    using world = createWorld({ BOOT_TIMEOUT_SECONDS: '300' });
    const { id } = await create(world, 'default', { idleTimeoutSeconds: 300 });
    await driveTo(world, id, 'READY');
    await ask(world, id, 'stopped');
    await driveTo(world, id, 'STOPPED');
    world.compute.setStatus('RUNNING');
    for (let minute = 0; minute < 120; minute += 1) {
      world.clock.advance(60);
      await reap(world.deps);
    }
    assert.equal(await storedState(world, id), 'FAILED');
    assert.equal((await world.compute.findInstances(id))[0]?.status, 'TERMINATED');
  });
});

describe('an instance whose session nobody knows', () => {
  const backend = { 'datalab-backend': backendId(testConfig()) };
  const labels = { 'datalab-session': 'unknown', 'datalab-generation': '1', ...backend };
  const spec: InstanceSpec = {
    name: 'datalab-unknown-1',
    zone: 'europe-west1-b',
    machineType: 'e2-standard-4',
    diskSizeGb: 50,
    spot: false,
    maxRunSeconds: undefined,
    labels,
    metadata: {},
    network: 'n',
    subnetwork: undefined,
    serviceAccount: 'k@p.iam.gserviceaccount.com',
    bootImage: 'cos',
  };

  it('is suspended, not stopped: it may hold somebody’s work', async () => {
    using world = createWorld();
    await world.compute.insertInstance(spec, 'r');
    world.clock.advance(60);
    assert.equal((await reap(world.deps)).forgotten, 1);
    world.clock.advance(60);
    const [instance] = await world.compute.findInstances('unknown');
    assert.equal(instance?.status, 'SUSPENDED');
    world.clock.advance(7200);
    assert.equal((await reap(world.deps)).forgotten, 0);
  });

  it('is deleted when its session was', async () => {
    using world = createWorld();
    const { id } = await create(world);
    await driveTo(world, id, 'READY');
    await ask(world, id, 'deleted');
    await driveTo(world, id, 'removed');
    const late = { 'datalab-session': id, 'datalab-generation': '1', ...backend };
    await world.compute.insertInstance({ ...spec, name: `datalab-${id}-1`, labels: late }, 'r');
    world.clock.advance(60);
    assert.equal((await reap(world.deps)).forgotten, 1);
    world.clock.advance(60);
    assert.deepEqual(await world.compute.findInstances(), []);
  });

  it('is one of an earlier generation, too', async () => {
    using world = createWorld();
    const { id } = await create(world);
    await driveTo(world, id, 'READY');
    const late = { 'datalab-session': id, 'datalab-generation': '0', ...backend };
    await world.compute.insertInstance({ ...spec, name: `datalab-${id}-0`, labels: late }, 'r');
    world.clock.advance(60);
    assert.equal((await reap(world.deps)).forgotten, 1);
    world.clock.advance(60);
    const statuses = (await world.compute.findInstances(id)).map(({ status }) => status);
    assert.deepEqual(statuses, ['RUNNING', 'SUSPENDED']);
  });

  it('is another backend’s, which knows its session, and is left alone', async () => {
    using world = createWorld();
    const theirs = { ...labels, 'datalab-backend': backendId({ apiUrl: 'https://other' }) };
    await world.compute.insertInstance({ ...spec, labels: theirs }, 'r');
    world.clock.advance(60);
    assert.equal((await reap(world.deps)).forgotten, 0);
    world.clock.advance(60);
    assert.equal((await world.compute.findInstances('unknown'))[0]?.status, 'RUNNING');
  });

  it('is looked for about once an hour', async () => {
    using world = createWorld();
    await reap(world.deps);
    await world.compute.insertInstance(spec, 'r');
    world.clock.advance(600);
    assert.equal((await reap(world.deps)).forgotten, 0);
    world.clock.advance(3600);
    assert.equal((await reap(world.deps)).forgotten, 1);
  });
});
