// What failed is said, tried again where it ends something, and leaves no machine running that nobody can use.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AppError } from '../../functions/errors.ts';
import { reap } from '../../functions/reaper.ts';
import { reconcile } from '../../functions/reconcile.ts';
import { stateOf } from '../../functions/session.ts';
import { ask, create, driveTo, register, reportAs, type TestAgent } from './drive.ts';
import { createWorld, type World } from './world.ts';

const denied = () => new AppError('PERMISSION_DENIED', 'not allowed');

async function readyId(world: World): Promise<string> {
  const { id } = await create(world);
  await driveTo(world, id, 'READY');
  return id;
}

/** Nobody but the scheduler does anything. */
async function passMinutes(world: World, count: number): Promise<void> {
  for (let minute = 0; minute < count; minute += 1) {
    world.clock.advance(60);
    await reap(world.deps);
  }
}

async function storedState(world: World, id: string): Promise<string> {
  const record = await world.store.get(id);
  return record ? stateOf(record) : 'removed';
}

function statusOf(world: World): string | undefined {
  return [...world.compute.instances.values()][0]?.status;
}

describe('a delete that fails', () => {
  it('is said, and tried again until the instance is gone', async () => {
    using world = createWorld();
    const id = await readyId(world);
    world.compute.refuseNext = denied();
    assert.equal((await ask(world, id, 'deleted')).state, 'FAILED');
    await passMinutes(world, 5);
    assert.equal(statusOf(world), 'RUNNING');
    await passMinutes(world, 15);
    assert.equal(await storedState(world, id), 'removed');
    assert.equal(world.compute.instances.size, 0);
  });

  it('is over when the instance turns out to be gone', async () => {
    using world = createWorld();
    const id = await readyId(world);
    await ask(world, id, 'deleted');
    const getInstance = world.compute.getInstance.bind(world.compute);
    world.compute.getInstance = () => Promise.reject(denied());
    assert.equal(stateOf((await reconcile(id, world.deps)) ?? assert.fail()), 'FAILED');
    world.compute.getInstance = getInstance;
    await passMinutes(world, 5);
    assert.equal(await storedState(world, id), 'removed');
  });

  it('is not made of an insert that nobody wants any more', async () => {
    using world = createWorld();
    world.power.interruption = { step: 'insert', how: 'requestLost' };
    const { id } = await create(world);
    await ask(world, id, 'deleted');
    await passMinutes(world, 5);
    assert.equal(await storedState(world, id), 'removed');
  });
});

describe('a stop that fails', () => {
  it('is said, and tried again until the machine is off', async () => {
    using world = createWorld();
    const id = await readyId(world);
    world.compute.failNext = { code: 'INTERNAL', message: 'failed' };
    await ask(world, id, 'stopped');
    await passMinutes(world, 5);
    assert.equal(await storedState(world, id), 'FAILED');
    await passMinutes(world, 15);
    assert.equal(await storedState(world, id), 'STOPPED');
    assert.equal(statusOf(world), 'TERMINATED');
  });

  it('of a machine without a gateway is asked for once in ten minutes, whoever looks', async () => {
    using world = createWorld({ BOOT_TIMEOUT_SECONDS: '60' });
    const { id } = await create(world, 'default', { idleTimeoutSeconds: 60 });
    await driveTo(world, id, 'FAILED', { isAgentAlive: false });
    let stops = 0;
    world.compute.stopInstance = () => {
      stops += 1;
      return Promise.reject(denied());
    };
    world.clock.advance(60);
    for (let look = 0; look < 100; look += 1) {
      world.clock.advance(2.5);
      await reconcile(id, world.deps);
    }
    assert.equal(stops, 1);
    await passMinutes(world, 25);
    assert.equal(stops, 3);
  });
});

describe('a tunnel that is not granted', () => {
  it('leaves no machine running, with an agent that reports no kernels', async () => {
    using world = createWorld({ BOOT_TIMEOUT_SECONDS: '300' });
    world.grants.refuseNext = denied();
    const { id } = await create(world, 'default', { idleTimeoutSeconds: 300 });
    await driveTo(world, id, 'FAILED', { isAgentAlive: false });
    await register(world, id, 'b');
    const agent: TestAgent = { bootId: 'b', sequence: 0, startedAt: '' };
    for (let minute = 0; minute < 15 && statusOf(world) === 'RUNNING'; minute += 1) {
      await reportAs(world, id, agent);
      await passMinutes(world, 1);
    }
    await passMinutes(world, 2);
    assert.equal(statusOf(world), 'TERMINATED');
    const record = await world.store.get(id);
    assert.match(record?.failure?.message ?? '', /not allowed/);
  });

  it('is seen to have failed, and the instance to run, where IAP may not be asked', async () => {
    using world = createWorld({ BOOT_TIMEOUT_SECONDS: '300' });
    world.grants.hasGrant = () => Promise.reject(denied());
    const { id } = await create(world, 'default', { idleTimeoutSeconds: 300 });
    await passMinutes(world, 5);
    const record = await world.store.get(id);
    assert.equal(record?.failure?.code, 'PERMISSION_DENIED');
    assert.equal(record.instance?.status, 'RUNNING');
    await passMinutes(world, 15);
    assert.equal(statusOf(world), 'TERMINATED');
  });
});

describe('a failed session that may hold kernels', () => {
  it('is suspended at the end of its lifetime, like any other', async () => {
    using world = createWorld({ BOOT_TIMEOUT_SECONDS: '300' });
    const { id } = await create(world, 'default', { maxLifetimeSeconds: 3600 });
    await driveTo(world, id, 'READY');
    await register(world, id, 'started-anew');
    await passMinutes(world, 30);
    assert.equal(await storedState(world, id), 'FAILED');
    assert.equal(statusOf(world), 'RUNNING');
    await passMinutes(world, 40);
    assert.equal(statusOf(world), 'SUSPENDED');
  });
});
