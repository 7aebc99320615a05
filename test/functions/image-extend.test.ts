// The gateway image, extended: one build however often it is asked for, whatever is lost, and never on an image that is
// not the present one.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { noteBuildEvent } from '../../functions/build-events.ts';
import type { ExtendImageRequest, ImageView } from '../../functions/contract.ts';
import { AppError } from '../../functions/errors.ts';
import { extendImage } from '../../functions/image-extend.ts';
import { buildImage, getImage } from '../../functions/image.ts';
import { reap } from '../../functions/reaper.ts';
import { again, create, driveTo, USER } from './drive.ts';
import { INTERRUPTIONS } from './power-switch.ts';
import { BUILT_DIGEST, extendedDigest } from './test-builds.ts';
import { createWorld, IMAGES, type World } from './world.ts';

const ADMINISTRATOR = { ...USER, isAdministrator: true };
const REQUIREMENTS = { requirements: 'scikit-learn==1.7.2\n' };
const OTHER = { dockerfile: 'ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nRUN true\n' };
const NAME = 'gcr.io/p/datalab-gateway';
const BUILD_SECONDS = 61;

const extend = (world: World, request: ExtendImageRequest = REQUIREMENTS) =>
  extendImage(ADMINISTRATOR, request, world.deps);

/** Time passes, and the build's message comes. */
async function finish(world: World): Promise<ImageView> {
  world.clock.advance(BUILD_SECONDS);
  await noteBuildEvent(world.deps);
  return await getImage(world.deps);
}

const recordIn = async (world: World) => await world.deps.images.getImage(`${NAME}:latest`);

describe('an image that is extended', () => {
  it('is built once on the one that is there, which stays until then', async () => {
    using world = createWorld();
    const before = IMAGES.gateway.split('@')[1];
    const begun = await extend(world);
    assert.deepEqual([begun.state, begun.digest], ['BUILDING', before]);
    const underWay = await getImage(world.deps);
    assert.deepEqual([underWay.state, underWay.build?.extension], ['BUILDING', 'requirements']);
    assert.equal((await recordIn(world))?.extension, undefined, 'its text is not kept any longer');
    const done = await finish(world);
    assert.deepEqual(
      [done.state, done.digest, done.error],
      ['READY', extendedDigest(0), undefined],
    );
    const [build, ...others] = world.builds.all;
    assert.deepEqual(others, []);
    const { extension, image, version } = build?.request ?? {};
    assert.equal(image, `${NAME}:latest`);
    assert.match(version ?? '', /^[0-9a-f]{16}$/);
    const { hash, ...rest } = extension ?? { hash: '' };
    assert.match(hash, /^[0-9a-f]{16}$/);
    const text = REQUIREMENTS.requirements;
    assert.deepEqual(rest, { kind: 'requirements', text, base: IMAGES.gateway, isOnBase: true });
  });

  it('is what new sessions get; those that are there keep theirs', async () => {
    using world = createWorld();
    const old = await create(world, 'old');
    const ready = await driveTo(world, old.id, 'READY');
    await extend(world);
    const between = await create(world, 'between');
    assert.notEqual(between.state, 'BUILDING_IMAGE', 'nobody waits for it');
    await finish(world);
    const young = await create(world, 'young');
    const pinned = (await world.store.get(young.id))?.images?.gateway;
    assert.equal(pinned, `${NAME}@${extendedDigest(0)}`);
    await driveTo(world, old.id, 'READY');
    assert.deepEqual((await world.store.get(old.id))?.images, ready?.images);
  });

  it('is extended again on top of that', async () => {
    using world = createWorld();
    await extend(world);
    await finish(world);
    await extend(world, OTHER);
    const done = await finish(world);
    assert.equal(done.digest, extendedDigest(1));
    const bases = world.builds.all.map(({ request }) => request.extension?.base);
    assert.deepEqual(bases, [IMAGES.gateway, `${NAME}@${extendedDigest(0)}`]);
    const versions = new Set(world.builds.all.map(({ request }) => request.version));
    assert.equal(versions.size, 2);
  });

  it('is not built a second time for who asks for the same again: under way, or done', async () => {
    using world = createWorld();
    const views = await Promise.all([1, 2, 3, 4].map(() => extend(world)));
    for (const { state } of views) assert.equal(state, 'BUILDING');
    assert.equal((await extend(world)).state, 'BUILDING');
    // Nobody has looked since: the record still has it under way.
    world.clock.advance(BUILD_SECONDS);
    assert.equal((await extend(world)).state, 'READY');
    world.clock.advance(86_400);
    assert.equal((await extend(world)).state, 'READY');
    assert.equal(world.builds.all.length, 1);
  });

  it('is built again once somebody has put another image in its place', async () => {
    using world = createWorld();
    await extend(world);
    await finish(world);
    const pushed = `sha256:${'c'.repeat(64)}`;
    world.builds.images.set(NAME, pushed);
    assert.equal((await extend(world)).state, 'BUILDING');
    assert.equal(world.builds.all[1]?.request.extension?.base, `${NAME}@${pushed}`);
  });

  it('makes way for the plain one by force alone', async () => {
    using world = createWorld();
    await extend(world);
    await finish(world);
    await assert.rejects(buildImage(ADMINISTRATOR, {}, world.deps), { code: 'ALREADY_EXISTS' });
    await buildImage(ADMINISTRATOR, { force: true }, world.deps);
    const done = await finish(world);
    assert.deepEqual([done.digest, done.build?.extension], [BUILT_DIGEST, undefined]);
    assert.equal((await extend(world)).state, 'BUILDING', 'it is not extended any more');
  });
});

describe('an extension', () => {
  it('is for administrators, as is every build in place of an image', async () => {
    using world = createWorld();
    await assert.rejects(extendImage(USER, REQUIREMENTS, world.deps), {
      code: 'PERMISSION_DENIED',
    });
    assert.equal(world.builds.all.length, 0);
  });

  it('needs an image to extend, and says how to get one', async () => {
    using world = createWorld();
    world.builds.removeGateway();
    await assert.rejects(extend(world), {
      code: 'FAILED_PRECONDITION',
      message: /nothing to extend.*image build/,
    });
    assert.equal(world.builds.all.length, 0);
    const { config } = world.deps;
    world.deps.config = { ...config, gatewayImage: IMAGES.gateway };
    await assert.rejects(extend(world), { message: /Set GATEWAY_IMAGE to a name with a tag/ });
  });

  it('is refused by field and line before anything is stored', async () => {
    using world = createWorld();
    await assert.rejects(extend(world, { dockerfile: 'FROM a\nCOPY . /\nADD b /\n' }), {
      code: 'INVALID_ARGUMENT',
      fieldViolations: [
        {
          field: 'dockerfile',
          description:
            'line 2: COPY takes files that the build does not have: only COPY --from=… has anything to copy',
        },
        {
          field: 'dockerfile',
          description:
            'line 3: ADD takes files that the build does not have: only ADD https://… works',
        },
      ],
    });
    assert.equal(await recordIn(world), undefined);
  });

  it('is only checked with validateOnly', async () => {
    using world = createWorld();
    const view = await extend(world, { ...REQUIREMENTS, validateOnly: true });
    assert.equal(view.state, 'READY');
    await assert.rejects(extend(world, { requirements: '# none', validateOnly: true }));
    assert.equal(world.builds.all.length, 0);
    assert.equal((await recordIn(world))?.isBuildWanted, false);
  });

  it('waits for no other build, nor another build for it', async () => {
    using world = createWorld();
    const busy = {
      code: 'FAILED_PRECONDITION',
      message: /Another build .*under way.*image status/,
    };
    await extend(world);
    await assert.rejects(extend(world, OTHER), busy);
    await assert.rejects(buildImage(ADMINISTRATOR, { force: true }, world.deps), busy);
    // It has ended, and nobody has looked.
    world.clock.advance(BUILD_SECONDS);
    await buildImage(ADMINISTRATOR, { force: true }, world.deps);
    await assert.rejects(extend(world, OTHER), busy);
    world.clock.advance(BUILD_SECONDS);
    await extend(world, OTHER);
    assert.equal(world.builds.all[2]?.request.extension?.base, `${NAME}@${BUILT_DIGEST}`);
  });

  it('of two at once is one; the other is told, and has changed nothing', async () => {
    using world = createWorld();
    const both = await Promise.allSettled([extend(world), extend(world, OTHER)]);
    const [won, lost] = both.toSorted((one) => (one.status === 'fulfilled' ? -1 : 1));
    assert.equal(won?.status, 'fulfilled');
    assert.equal(lost?.status, 'rejected');
    assert.match(String(lost.reason), /Another build/);
    await finish(world);
    assert.equal(world.builds.all.length, 1);
  });

  it('is never built on an image that was replaced while it was asked for', async () => {
    using world = createWorld();
    const { registry } = world.deps;
    let isFirst = true;
    // Between this look at the registry and the save, another extension is asked for, built and pushed.
    world.deps.registry = {
      describe: (image) => registry.describe(image),
      findPinned: async (image) => {
        const found = await registry.findPinned(image);
        if (isFirst) {
          isFirst = false;
          await extendImage(ADMINISTRATOR, OTHER, { ...world.deps, registry });
          await finish({ ...world, deps: { ...world.deps, registry } });
        }
        return found;
      },
    };
    await extend(world);
    const bases = world.builds.all.map(({ request }) => request.extension?.base);
    assert.deepEqual(bases, [IMAGES.gateway, `${NAME}@${extendedDigest(0)}`]);
  });
});

describe('an extension that fails', () => {
  it('leaves the image as it is and says why, until somebody asks again', async () => {
    using world = createWorld();
    world.builds.failNext = true;
    await extend(world);
    const failed = await finish(world);
    assert.deepEqual([failed.state, failed.digest], ['READY', IMAGES.gateway.split('@')[1]]);
    const { message = '' } = failed.error ?? {};
    assert.match(message, /ended with FAILURE\. The image is as it was before/);
    assert.match(message, /Mend the requirements file.*POST \/v1\/image:extend/);
    assert.match(message, /ERROR: it did not work/);
    const record = await recordIn(world);
    assert.equal(record?.failure?.sourceHash, world.builds.all[0]?.request.extension?.hash);
    const { id } = await create(world);
    await driveTo(world, id, 'READY');
    assert.equal(world.builds.all.length, 1, 'no session has it built again');
    assert.equal((await extend(world)).state, 'BUILDING');
    assert.equal((await finish(world)).error, undefined);
    assert.equal(world.builds.all.length, 2);
  });

  it('is no reason not to build the plain one when the image goes', async () => {
    using world = createWorld();
    world.builds.failNext = true;
    await extend(world);
    await finish(world);
    world.builds.removeGateway();
    const { id } = await create(world);
    const ready = await driveTo(world, id, 'READY');
    assert.equal(ready?.images?.gateway, `${NAME}@${BUILT_DIGEST}`);
  });

  it('says so at once when Cloud Build refuses it', async () => {
    using world = createWorld();
    world.builds.refuseNext = new AppError('PERMISSION_DENIED', 'not allowed');
    const view = await extend(world);
    assert.deepEqual([view.state, view.error?.message], ['READY', 'not allowed']);
    const record = await recordIn(world);
    assert.deepEqual([record?.extension, record?.isBuildWanted], [undefined, false]);
  });
});

describe('an extension whose backend is killed', () => {
  /** Somebody asks until they are answered; then only the reaper looks. */
  async function live(world: World): Promise<void> {
    const view = await again(() => extend(world));
    assert.equal(view.error, undefined);
    for (let minute = 0; minute < 12; minute += 1) {
      world.clock.advance(60);
      await again(() => reap(world.deps));
    }
    const done = await getImage(world.deps);
    assert.deepEqual([done.state, done.digest], ['READY', extendedDigest(0)]);
    assert.equal(world.builds.all.length, 1);
    assert.equal(world.builds.all[0]?.request.extension?.text, REQUIREMENTS.requirements);
  }

  it('ends in the same world, whichever boundary between two steps it is killed at', async () => {
    using undisturbed = createWorld();
    await live(undisturbed);
    const boundaries = undisturbed.power.passed;
    assert.ok(boundaries >= 8, `${boundaries} boundaries`);
    for (let killAt = 1; killAt <= boundaries; killAt += 1) {
      using world = createWorld();
      world.power.killAt = killAt;
      await live(world);
    }
  });

  for (const how of INTERRUPTIONS) {
    it(`ends in the same world: the call of Cloud Build, ${how}`, async () => {
      using world = createWorld();
      world.power.interruption = { step: 'build', how };
      await live(world);
      assert.equal(world.power.interruption, undefined);
    });
  }

  it('goes on without whoever has asked for it, once it is recorded', async () => {
    using world = createWorld();
    const { images } = world.deps;
    // The process dies between recording what is wanted and asking for anything.
    world.deps.images = {
      ...images,
      saveImage: async (record) => {
        const saved = await images.saveImage(record);
        if (saved?.isBuildWanted === true && !saved.claim) throw new Error('killed');
        return saved;
      },
    };
    await assert.rejects(extend(world), /killed/);
    world.deps.images = images;
    assert.equal(world.builds.all.length, 0);
    await reap(world.deps);
    assert.equal(world.builds.all[0]?.request.extension?.text, REQUIREMENTS.requirements);
  });
});
