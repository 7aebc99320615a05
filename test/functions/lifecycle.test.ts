// What a session goes through, on the world of world.ts: asserted on the state of the world.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AppError } from '../../functions/errors.ts';
import { reconcile } from '../../functions/reconcile.ts';
import type { SessionRecord } from '../../functions/record.ts';
import { stateOf } from '../../functions/session.ts';
import { viewOf } from '../../functions/view.ts';
import { ask, create, driveTo, register, report } from './drive.ts';
import { createWorld, type World } from './world.ts';

async function look(world: World, id: string): Promise<SessionRecord> {
  const record = await reconcile(id, world.deps);
  assert.ok(record);
  return record;
}

async function readySession(world: World): Promise<string> {
  const { id } = await create(world);
  await driveTo(world, id, 'READY');
  return id;
}

describe('a session on its way to READY', () => {
  it('is CREATING at once, BOOTING when the instance runs, READY when the gateway answers', async () => {
    using world = createWorld();
    const created = await create(world);
    assert.equal(created.state, 'CREATING');
    const booting = await driveTo(world, created.id, 'BOOTING', { isAgentAlive: false });
    assert.equal(booting?.instance?.status, 'RUNNING');
    await register(world, created.id, 'boot-1');
    assert.equal(stateOf(await look(world, created.id)), 'BOOTING');
    await report(world, created.id, 'boot-1', 1, false);
    assert.equal(stateOf(await look(world, created.id)), 'BOOTING');
    await report(world, created.id, 'boot-1', 2);
    assert.equal(stateOf(await look(world, created.id)), 'READY');
  });

  it('fails after the boot timeout, keeps its instance, and becomes READY when a good report comes after all', async () => {
    using world = createWorld({ BOOT_TIMEOUT_SECONDS: '60' });
    const { id } = await create(world);
    const failed = await driveTo(world, id, 'FAILED', { isAgentAlive: false });
    assert.equal(failed?.failure?.code, 'DEADLINE_EXCEEDED');
    assert.match(
      failed.failure.message,
      /get-serial-port-output datalab-.*-1 --zone europe-west1-b/,
    );
    assert.equal(world.compute.instances.size, 1);
    await register(world, id, 'boot-1');
    await report(world, id, 'boot-1', 1);
    const healed = await look(world, id);
    assert.equal(stateOf(healed), 'READY');
    assert.equal(healed.failure, undefined);
  });

  it('says when an image that is not ours to build is missing, and looks again when started again', async () => {
    using world = createWorld();
    const { images } = world.builds;
    const agent = images.get('gcr.io/p/datalab-agent') ?? '';
    images.delete('gcr.io/p/datalab-agent');
    const { id, state, error } = await create(world);
    assert.equal(state, 'FAILED');
    assert.equal(error?.code, 'FAILED_PRECONDITION');
    assert.match(error.message, /docker push gcr\.io\/p\/datalab-agent/);
    assert.equal(world.compute.calls.length, 0);
    images.set('gcr.io/p/datalab-agent', agent);
    await create(world);
    await driveTo(world, id, 'READY');
  });

  it('stays as it is while Compute Engine does not answer', async () => {
    using world = createWorld();
    const { id } = await create(world);
    const before = await look(world, id);
    world.compute.isDown = true;
    assert.deepEqual(viewOf(await look(world, id)), viewOf(before));
    world.compute.isDown = false;
    await driveTo(world, id, 'READY');
  });
});

describe('a step that Google does not take, or that fails', () => {
  it('fails with a refusal at once, and is tried again on start', async () => {
    using world = createWorld();
    world.compute.refuseNext = new AppError('RESOURCE_EXHAUSTED', 'Quota CPUS exceeded.');
    const { id, state, error } = await create(world);
    assert.equal(state, 'FAILED');
    assert.equal(error?.code, 'RESOURCE_EXHAUSTED');
    assert.equal(stateOf(await look(world, id)), 'FAILED');
    assert.equal(world.compute.calls.length, 1, 'nobody tries again unasked');
    await ask(world, id, 'running');
    await driveTo(world, id, 'READY');
    assert.equal(world.compute.made.length, 1);
  });

  it('repeats with the same id what got no certain answer, and gives up at the end of the claim', async () => {
    using world = createWorld();
    const { compute } = world;
    const lost = new AppError('UNAVAILABLE', 'no answer', { isRetryable: true });
    compute.insertInstance = (_spec, requestId) => {
      compute.calls.push({ verb: 'insert', requestId });
      return Promise.reject(lost);
    };
    const { id } = await create(world);
    const failed = await driveTo(world, id, 'FAILED');
    assert.equal(failed?.failure?.code, 'UNAVAILABLE');
    assert.ok(compute.calls.length > 3, `${compute.calls.length} calls`);
    assert.equal(new Set(compute.calls.map(({ requestId }) => requestId)).size, 1);
  });

  it('fails with the error of the operation, and makes the next attempt with another id', async () => {
    using world = createWorld();
    world.compute.failNext = { code: 'RESOURCE_EXHAUSTED', message: 'No room in the zone.' };
    const { id } = await create(world);
    const failed = await driveTo(world, id, 'FAILED');
    assert.equal(failed?.failure?.message, 'No room in the zone.');
    await ask(world, id, 'running');
    const ready = await driveTo(world, id, 'READY');
    assert.equal(world.compute.instances.size, 1);
    assert.equal(new Set(world.compute.calls.map(({ requestId }) => requestId)).size, 2);
    // The first instance had been seen before it failed, so its generation is over.
    assert.equal(ready?.generation, 2);
  });

  it('takes an instance for its own only if the labels say so', async () => {
    using world = createWorld();
    const { compute } = world;
    const original = compute.insertInstance.bind(compute);
    compute.insertInstance = async (spec, requestId) => {
      await original({ ...spec, labels: {} }, 'somebody-else');
      await original(spec, requestId);
    };
    const { state, error } = await create(world);
    assert.equal(state, 'FAILED');
    assert.equal(error?.code, 'ALREADY_EXISTS');
  });
});

describe('stop and start', () => {
  it('is not READY again before the agent of the new boot has reported', async () => {
    using world = createWorld();
    const { id } = await create(world);
    await driveTo(world, id, 'BOOTING', { isAgentAlive: false });
    await register(world, id, 'old-boot');
    await report(world, id, 'old-boot', 1);
    assert.equal(stateOf(await look(world, id)), 'READY');
    await ask(world, id, 'stopped');
    await driveTo(world, id, 'STOPPED', { isAgentAlive: false });
    await ask(world, id, 'running');
    await driveTo(world, id, 'BOOTING', { isAgentAlive: false });
    await report(world, id, 'old-boot', 2);
    await register(world, id, 'old-boot');
    assert.equal(stateOf(await look(world, id)), 'BOOTING', 'the old boot is over');
    await register(world, id, 'new-boot');
    assert.equal(stateOf(await look(world, id)), 'BOOTING');
    await report(world, id, 'old-boot', 3);
    assert.equal(stateOf(await look(world, id)), 'BOOTING');
    await report(world, id, 'new-boot', 1);
    assert.equal(stateOf(await look(world, id)), 'READY');
  });

  it('takes the word of an agent back when the machine was started since, by whomever', async () => {
    using world = createWorld();
    const id = await readySession(world);
    world.clock.advance(100);
    world.compute.setStatus('RUNNING');
    assert.equal(stateOf(await look(world, id)), 'BOOTING');
    await register(world, id, 'after-reset');
    await report(world, id, 'after-reset', 1);
    assert.equal(stateOf(await look(world, id)), 'READY');
  });

  it('shows STOPPING at once and stops an instance that is still being made', async () => {
    using world = createWorld();
    const { id } = await create(world);
    const asked = await ask(world, id, 'stopped');
    assert.equal(asked.state, 'STOPPING');
    assert.deepEqual(
      world.compute.calls.map(({ verb }) => verb),
      ['insert'],
      'nothing opposes the insert before it has ended',
    );
    const stopped = await driveTo(world, id, 'STOPPED');
    assert.equal(stopped?.instance?.status, 'TERMINATED');
  });

  it('starts what was asked for while it was stopping', async () => {
    using world = createWorld();
    const id = await readySession(world);
    await ask(world, id, 'stopped');
    const asked = await ask(world, id, 'running');
    assert.equal(asked.state, 'STOPPING');
    await driveTo(world, id, 'READY');
    const verbs = world.compute.operations.map(({ verb }) => verb);
    assert.deepEqual(verbs, ['insert', 'stop', 'start']);
  });
});

describe('what others do to the instance', () => {
  it('is STOPPED when the machine was switched off, and start boots it', async () => {
    using world = createWorld();
    const id = await readySession(world);
    world.compute.setStatus('TERMINATED');
    const stopped = await look(world, id);
    assert.equal(stateOf(stopped), 'STOPPED');
    assert.equal(stopped.want, 'stopped');
    assert.equal(world.compute.calls.length, 1, 'nobody fights it');
    await create(world);
    await driveTo(world, id, 'READY');
  });

  it('is started by the same request that finds it switched off', async () => {
    using world = createWorld();
    const id = await readySession(world);
    world.compute.setStatus('TERMINATED');
    const woken = await create(world);
    assert.equal(woken.state, 'STARTING');
    assert.equal(woken.id, id);
  });

  it('is SUSPENDED when somebody suspended it, and start resumes the same boot', async () => {
    using world = createWorld();
    const { id } = await create(world);
    await driveTo(world, id, 'BOOTING', { isAgentAlive: false });
    await register(world, id, 'boot-1');
    await report(world, id, 'boot-1', 1);
    world.compute.setStatus('SUSPENDED');
    assert.equal(stateOf(await look(world, id)), 'SUSPENDED');
    const resuming = await ask(world, id, 'running');
    assert.equal(resuming.state, 'RESUMING');
    await driveTo(world, id, 'READY', { isAgentAlive: false });
    assert.deepEqual(world.compute.calls.at(-1)?.verb, 'resume');
  });

  it('fails when the instance was deleted, and start makes a new generation', async () => {
    using world = createWorld();
    const id = await readySession(world);
    world.compute.setStatus('gone');
    const lost = await look(world, id);
    assert.equal(stateOf(lost), 'FAILED');
    assert.match(lost.failure?.message ?? '', /deleted outside of Datalab/);
    assert.equal(viewOf(lost).instance, undefined);
    await ask(world, id, 'running');
    const ready = await driveTo(world, id, 'READY');
    assert.equal(ready?.generation, 2);
    assert.equal(world.compute.made.at(-1), `datalab-${id}-2`);
  });

  it('follows an instance that somebody started', async () => {
    using world = createWorld();
    const id = await readySession(world);
    await ask(world, id, 'stopped');
    await driveTo(world, id, 'STOPPED');
    world.compute.setStatus('RUNNING');
    const record = await look(world, id);
    assert.equal(record.want, 'running');
    assert.equal(stateOf(record), 'BOOTING');
  });

  it('fails when the machine switches itself off before its gateway answered', async () => {
    using world = createWorld();
    const { id } = await create(world);
    await driveTo(world, id, 'BOOTING', { isAgentAlive: false });
    world.compute.setStatus('TERMINATED');
    assert.match((await look(world, id)).failure?.message ?? '', /switched off before/);
  });
});

describe('delete', () => {
  it('leaves a tombstone until the instance is gone, beside a later session of the same name', async () => {
    using world = createWorld();
    const id = await readySession(world);
    assert.equal((await ask(world, id, 'deleted')).state, 'DELETING');
    const later = await create(world);
    assert.notEqual(later.id, id);
    assert.ok(await world.store.get(id), 'the tombstone');
    await driveTo(world, id, 'removed');
    await driveTo(world, later.id, 'READY');
    assert.deepEqual([...world.compute.instances.keys()], [`datalab-${later.id}-1`]);
  });

  it('waits for an insert that may still be on its way', async () => {
    using world = createWorld();
    const { compute } = world;
    const original = compute.insertInstance.bind(compute);
    // Google takes the call long after it was made.
    let late: (() => Promise<void>) | undefined;
    compute.insertInstance = (spec, requestId) => {
      late ??= () => original(spec, requestId);
      return Promise.reject(new AppError('UNAVAILABLE', 'no answer', { isRetryable: true }));
    };
    const { id } = await create(world);
    await ask(world, id, 'deleted');
    world.clock.advance(60);
    await look(world, id);
    await late?.();
    await driveTo(world, id, 'removed');
    assert.equal(compute.instances.size, 0);
    assert.equal(compute.made.length, 1);
  });

  it('removes a session that never had an instance at once', async () => {
    using world = createWorld();
    world.compute.refuseNext = new AppError('RESOURCE_EXHAUSTED', 'Quota exceeded.');
    const { id } = await create(world);
    const deleted = await ask(world, id, 'deleted');
    assert.equal(deleted.state, 'DELETING');
    assert.equal(await world.store.get(id), undefined);
  });

  it('says why it failed, and is tried again when asked again', async () => {
    using world = createWorld();
    const id = await readySession(world);
    world.compute.refuseNext = new AppError('PERMISSION_DENIED', 'Not allowed.');
    assert.equal((await ask(world, id, 'deleted')).state, 'FAILED');
    await ask(world, id, 'deleted');
    await driveTo(world, id, 'removed');
    assert.equal(world.compute.instances.size, 0);
  });
});
