// The gateway image, built when it is missing: exactly once, whoever needs it, whatever is lost.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { noteBuildEvent } from '../../functions/build-events.ts';
import { AppError } from '../../functions/errors.ts';
import { buildImage, getImage } from '../../functions/image.ts';
import { reap } from '../../functions/reaper.ts';
import { reconcile } from '../../functions/reconcile.ts';
import { stateOf } from '../../functions/session.ts';
import { ask, create, driveTo, USER } from './drive.ts';
import { BUILT_DIGEST } from './test-builds.ts';
import { createWorld, type World } from './world.ts';

const ADMINISTRATOR = { ...USER, isAdministrator: true };
const IMAGE = 'gcr.io/p/datalab-gateway';

async function stateIn(world: World, id: string): Promise<string> {
  const record = await reconcile(id, world.deps);
  assert.ok(record);
  return stateOf(record);
}

describe('a missing gateway image', () => {
  it('is built exactly once for three sessions started at once, and all of them go on', async () => {
    using world = createWorld();
    world.builds.removeGateway();
    const names = ['one', 'two', 'three'];
    const views = await Promise.all(names.map((name) => create(world, name)));
    for (const { id } of views) assert.equal(await stateIn(world, id), 'BUILDING_IMAGE');
    for (const { id } of views) {
      const ready = await driveTo(world, id, 'READY');
      assert.equal(ready?.images?.gateway, `${IMAGE}@${BUILT_DIGEST}`);
    }
    assert.equal(world.builds.all.length, 1);
  });

  it('moves on every session that waits when the build’s message comes', async () => {
    using world = createWorld();
    world.builds.removeGateway();
    const views = await Promise.all(['one', 'two'].map((name) => create(world, name)));
    world.clock.advance(61);
    await noteBuildEvent(world.deps);
    await noteBuildEvent(world.deps);
    for (const { id } of views) {
      const record = await world.store.get(id);
      assert.equal(record && stateOf(record), 'CREATING');
    }
    assert.equal(world.builds.all.length, 1);
  });

  it('moves them on without any message, by the reaper', async () => {
    using world = createWorld();
    world.builds.removeGateway();
    const { id } = await create(world);
    world.clock.advance(61);
    await reap(world.deps);
    const record = await world.store.get(id);
    assert.equal(record && stateOf(record), 'CREATING');
  });

  it('is looked at without a save for as long as the build goes on', async () => {
    using world = createWorld();
    world.builds.removeGateway();
    const { id } = await create(world);
    await stateIn(world, id);
    const before = await world.deps.images.getImage(`${IMAGE}:latest`);
    for (let look = 0; look < 5; look += 1) {
      world.clock.advance(2.5);
      assert.equal(await stateIn(world, id), 'BUILDING_IMAGE');
    }
    const after = await world.deps.images.getImage(`${IMAGE}:latest`);
    assert.equal(after?.build?.status, 'WORKING');
    assert.equal(after.version, before?.version);
  });

  it('is waited for again by a session that was stopped and started meanwhile', async () => {
    using world = createWorld();
    world.builds.removeGateway();
    const { id } = await create(world);
    assert.equal((await ask(world, id, 'stopped')).state, 'STOPPED');
    assert.equal((await ask(world, id, 'running')).state, 'BUILDING_IMAGE');
    await driveTo(world, id, 'READY');
    assert.equal(world.builds.all.length, 1);
  });

  it('is adopted from the build that has its tag, when the answer to that build was lost', async () => {
    using world = createWorld();
    world.builds.removeGateway();
    world.builds.loseNextReply = true;
    const { id } = await create(world);
    await driveTo(world, id, 'READY');
    assert.equal(world.builds.all.length, 1);
  });

  it('is not asked for again before the deadline of a claim that nobody answered', async () => {
    using world = createWorld({ BUILD_CLAIM_SECONDS: '180' });
    world.builds.removeGateway();
    world.builds.refuseNext = new AppError('UNAVAILABLE', 'no answer', { isRetryable: true });
    const { id } = await create(world);
    world.clock.advance(170);
    assert.equal(await stateIn(world, id), 'BUILDING_IMAGE');
    assert.equal(world.builds.all.length, 0, 'the call may still be taken');
    world.clock.advance(20);
    await stateIn(world, id);
    assert.equal(world.builds.all.length, 1);
    await driveTo(world, id, 'READY');
  });

  it('is not asked for by a call that stalls until its lease is over: others may ask then', async () => {
    using world = createWorld();
    world.builds.removeGateway();
    const { images } = world.deps;
    // The process stands still between saving the claim and making the call.
    world.deps.images = {
      ...images,
      saveImage: async (next) => {
        const saved = await images.saveImage(next);
        if (saved?.claim) world.clock.advance(world.deps.config.buildClaimSeconds);
        return saved;
      },
    };
    const { id } = await create(world);
    assert.equal(world.builds.all.length, 0);
    world.deps.images = images;
    world.clock.advance(1);
    assert.equal(await stateIn(world, id), 'BUILDING_IMAGE');
    assert.equal(world.builds.all.length, 1);
  });

  it('is asked for again soon when Cloud Build said that it took nothing', async () => {
    using world = createWorld();
    world.builds.removeGateway();
    world.builds.refuseNext = new AppError('RESOURCE_EXHAUSTED', 'rate', { isRetryable: true });
    const { id } = await create(world);
    world.clock.advance(6);
    await stateIn(world, id);
    assert.equal(world.builds.all.length, 1);
  });

  it('is not built for a session that brings its own image', async () => {
    using world = createWorld();
    world.deps.config = {
      ...world.deps.config,
      policy: { ...world.deps.config.policy, images: ['gcr.io/p/own'] },
    };
    const { state, error } = await create(world, 'default', { image: 'gcr.io/p/own' });
    assert.equal(state, 'FAILED');
    assert.match(error?.message ?? '', /gcr\.io\/p\/own is not in the registry/);
    world.builds.images.set('gcr.io/p/own', BUILT_DIGEST);
    const { id } = await create(world, 'other', { image: 'gcr.io/p/own' });
    const ready = await driveTo(world, id, 'READY');
    assert.equal(ready?.images?.gateway, `gcr.io/p/own@${BUILT_DIGEST}`);
    assert.equal(world.builds.all.length, 0);
  });
});

describe('a gateway image that is there', () => {
  it('is used and never overwritten', async () => {
    using world = createWorld();
    const before = world.builds.images.get(IMAGE);
    const { id } = await create(world);
    await driveTo(world, id, 'READY');
    await assert.rejects(buildImage(ADMINISTRATOR, {}, world.deps), { code: 'ALREADY_EXISTS' });
    await assert.rejects(buildImage(USER, { force: true }, world.deps), {
      code: 'PERMISSION_DENIED',
    });
    assert.equal(world.builds.all.length, 0);
    assert.equal(world.builds.images.get(IMAGE), before);
  });

  it('is built again for an administrator who forces it; sessions keep what they have pinned', async () => {
    using world = createWorld();
    const { id } = await create(world);
    const ready = await driveTo(world, id, 'READY');
    const view = await buildImage(ADMINISTRATOR, { force: true }, world.deps);
    assert.equal(view.state, 'BUILDING');
    assert.equal((await buildImage(ADMINISTRATOR, { force: true }, world.deps)).state, 'BUILDING');
    world.clock.advance(61);
    await noteBuildEvent(world.deps);
    const after = await getImage(world.deps);
    assert.equal(after.state, 'READY');
    assert.equal(after.digest, BUILT_DIGEST);
    assert.equal(world.builds.all.length, 1);
    assert.deepEqual((await world.store.get(id))?.images, ready?.images);
  });
});

describe('a build that fails', () => {
  it('ends the waiting sessions with the last lines of its log, and is not repeated until somebody asks', async () => {
    using world = createWorld();
    world.builds.removeGateway();
    world.builds.failNext = true;
    const views = await Promise.all(['one', 'two'].map((name) => create(world, name)));
    world.clock.advance(61);
    await noteBuildEvent(world.deps);
    for (const { id } of views) {
      const record = await world.store.get(id);
      assert.equal(record && stateOf(record), 'FAILED');
      assert.match(record?.failure?.message ?? '', /ended with FAILURE/);
      assert.match(record?.failure?.message ?? '', /ERROR: it did not work/);
      assert.match(record?.failure?.message ?? '', /POST \/v1\/image:build/);
    }
    const later = await create(world, 'later');
    assert.equal(later.state, 'FAILED', 'it fails with the same build');
    await ask(world, later.id, 'running');
    assert.equal(world.builds.all.length, 1);
    assert.equal((await getImage(world.deps)).state, 'FAILED');

    assert.equal((await buildImage(USER, {}, world.deps)).state, 'BUILDING');
    await ask(world, later.id, 'running');
    await driveTo(world, later.id, 'READY');
    assert.equal(world.builds.all.length, 2);
  });

  it('is repeated when the source is another', async () => {
    using world = createWorld();
    world.builds.removeGateway();
    world.builds.failNext = true;
    const { id } = await create(world);
    await driveTo(world, id, 'FAILED');
    world.builds.source = 'source-2';
    await ask(world, id, 'running');
    await driveTo(world, id, 'READY');
    assert.equal(world.builds.all.length, 2);
  });

  it('says so at once when Cloud Build refuses it', async () => {
    using world = createWorld();
    world.builds.removeGateway();
    world.builds.refuseNext = new AppError('PERMISSION_DENIED', 'not allowed');
    const { state, error } = await create(world);
    assert.equal(state, 'FAILED');
    assert.deepEqual(error, { code: 'PERMISSION_DENIED', message: 'not allowed' });
  });

  it('is over when Cloud Build does not know it any more', async () => {
    using world = createWorld();
    world.builds.removeGateway();
    const { id } = await create(world);
    await reconcile(id, world.deps);
    world.builds.all.splice(0);
    assert.equal(await stateIn(world, id), 'FAILED');
  });
});

describe('the image as the API shows it', () => {
  it('is MISSING, BUILDING, READY', async () => {
    using world = createWorld();
    world.builds.removeGateway();
    assert.equal((await getImage(world.deps)).state, 'MISSING');
    await create(world);
    assert.equal((await getImage(world.deps)).state, 'BUILDING');
    world.clock.advance(61);
    const ready = await getImage(world.deps);
    assert.equal(ready.state, 'READY');
    assert.equal(ready.build?.status, 'SUCCESS');
  });
});
