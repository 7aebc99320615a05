// What is said of the gateway image beyond its state: from the registry's labels, and who uses it.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AppError } from '../../functions/errors.ts';
import { showImage } from '../../functions/image-details.ts';
import { buildImage } from '../../functions/image.ts';
import { ask, create, driveTo, USER } from './drive.ts';
import { BUILT_DIGEST } from './test-builds.ts';
import { createWorld, IMAGES, type World } from './world.ts';

const ADMINISTRATOR = { subject: '9', email: 'admin@example.com', isAdministrator: true };
const DIGEST = IMAGES.gateway.split('@')[1] ?? '';
const OLDER = `sha256:${'e'.repeat(64)}`;

const show = (world: World, user = USER) => showImage(user, { view: 'FULL' }, world.deps);

function labelled(world: World, labels: Record<string, string>): void {
  const createTime = '2025-12-01T00:00:00.000Z';
  world.builds.facts.set(DIGEST, { sizeBytes: 7, createTime, labels });
}

describe('the details of the gateway image', () => {
  it('are what its labels say', async () => {
    using world = createWorld();
    labelled(world, {
      'org.opencontainers.image.version': 'v1',
      'org.opencontainers.image.base.name': 'gcr.io/p/datalab-gateway:latest',
      'org.opencontainers.image.base.digest': OLDER,
    });
    const { version, createTime, sizeBytes, extendedFrom } = await show(world);
    assert.deepEqual([version, sizeBytes, createTime], ['v1', 7, '2025-12-01T00:00:00.000Z']);
    const name = 'gcr.io/p/datalab-gateway:latest';
    assert.deepEqual(extendedFrom, { name, digest: OLDER });
  });

  it('call no image extended that was built from another one than the project’s', async () => {
    using world = createWorld();
    for (const [name, digest] of [
      ['docker.io/library/debian:trixie', OLDER],
      ['gcr.io/p/datalab-gateway', ''],
      ['', ''],
    ] as const) {
      labelled(world, {
        'org.opencontainers.image.base.name': name,
        'org.opencontainers.image.base.digest': digest,
      });
      assert.equal((await show(world)).extendedFrom, undefined, name);
    }
  });

  it('are left out when the registry does not tell them; the rest is shown', async () => {
    using world = createWorld();
    labelled(world, {});
    world.builds.registryFailure = new AppError('UNAVAILABLE', 'no answer', { isRetryable: true });
    const view = await show(world);
    assert.deepEqual([view.state, view.digest, view.sizeBytes], ['READY', DIGEST, undefined]);
    assert.equal(view.usedBy?.sessionCount, 0);
  });
});

describe('who uses the gateway image', () => {
  it('is told by the digest that a session has pinned, to each their own', async () => {
    using world = createWorld();
    const old = await create(world, 'old');
    await driveTo(world, old.id, 'READY');
    await buildImage(ADMINISTRATOR, { force: true }, world.deps);
    world.clock.advance(61);
    assert.equal((await show(world)).digest, BUILT_DIGEST);
    const young = await create(world, 'young');
    const gone = await create(world, 'gone');
    await ask(world, gone.id, 'deleted');
    for (const user of [USER, ADMINISTRATOR]) {
      const { usedBy } = await show(world, user);
      assert.deepEqual(
        usedBy?.sessions.map(({ id, name, owner }) => [id, name, owner.email]),
        [[young.id, 'young', 'you@example.com']],
      );
      assert.deepEqual([usedBy.sessionCount, usedBy.otherSessionCount], [1, 1]);
    }
    const theirs = (await show(world, { ...USER, subject: '2' })).usedBy;
    assert.deepEqual([theirs?.sessionCount, theirs?.otherSessionCount], [0, 0]);
  });

  it('counts all, names 50, and leaves out those that have chosen another image', async () => {
    using world = createWorld();
    const { policy } = world.deps.config;
    world.deps.config = { ...world.deps.config, policy: { ...policy, images: ['gcr.io/p/own'] } };
    world.builds.images.set('gcr.io/p/own', BUILT_DIGEST);
    await create(world, 'other', { image: 'gcr.io/p/own' });
    for (let number = 0; number < 52; number += 1) await create(world, `s${number}`);
    const { usedBy } = await show(world);
    assert.deepEqual([usedBy?.sessions.length, usedBy?.sessionCount], [50, 52]);
    assert.deepEqual([usedBy?.otherSessionCount, usedBy?.isTruncated], [0, false]);
  });
});
