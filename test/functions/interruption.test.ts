// Stop after every step, run again, same final world.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { STEPS } from '../../functions/record.ts';
import { again, ask, create, driveTo } from './drive.ts';
import { INTERRUPTIONS } from './power-switch.ts';
import { createWorld, type World } from './world.ts';

/** What Compute Engine is asked for in a session's whole life. */
const OPERATIONS = ['insert', 'suspend', 'resume', 'stop', 'start', 'delete'];

/** A session's whole life: every step there is, and a build. Each answer may be lost: then the user asks once more. */
async function live(world: World): Promise<string> {
  world.builds.removeGateway();
  const { id } = await again(() => create(world, 'default', { idleTimeoutSeconds: 300 }));
  await driveTo(world, id, 'READY');
  // Its agent reports idle kernels and agrees.
  await driveTo(world, id, 'SUSPENDED', { seconds: 20 });
  await again(() => create(world));
  await driveTo(world, id, 'READY');
  await again(() => ask(world, id, 'stopped'));
  await driveTo(world, id, 'STOPPED');
  await again(() => create(world));
  const ready = await driveTo(world, id, 'READY');
  assert.equal(ready?.generation, 1);
  assert.deepEqual(
    [...world.compute.instances.values()].map(({ status }) => status),
    ['RUNNING'],
  );
  await again(() => askToDelete(world, id));
  await driveTo(world, id, 'removed');
  return id;
}

async function askToDelete(world: World, id: string): Promise<void> {
  // A repeated DELETE may find that the first one has done it.
  if (await world.store.get(id)) await ask(world, id, 'deleted');
}

async function assertSameWorld(world: World, id: string, where: string): Promise<void> {
  assert.equal(world.builds.all.length, 1, `one build, ${where}`);
  assert.equal(world.compute.made.length, 1, `one instance was made, ${where}`);
  assert.equal(world.compute.instances.size, 0, `none is left, ${where}`);
  assert.equal(world.grants.given.length, 1, `one grant, ${where}`);
  assert.equal(await world.store.get(id), undefined, `no record is left, ${where}`);
  const verbs = world.compute.operations.map(({ verb }) => verb);
  assert.deepEqual(verbs, OPERATIONS, where);
}

async function countBoundaries(): Promise<number> {
  using world = createWorld();
  const id = await live(world);
  await assertSameWorld(world, id, 'undisturbed');
  return world.power.passed;
}

describe('a session whose backend is killed', () => {
  it('ends in the same world, whichever boundary between two steps it is killed at', async () => {
    const boundaries = await countBoundaries();
    assert.ok(boundaries > 80, `${boundaries} boundaries`);
    for (let killAt = 1; killAt <= boundaries; killAt += 1) {
      using world = createWorld();
      world.power.killAt = killAt;
      const id = await live(world);
      await assertSameWorld(world, id, `killed at boundary ${killAt} of ${boundaries}`);
    }
  });
});

describe('a step that is stopped', () => {
  for (const step of [...STEPS, 'build']) {
    for (const how of INTERRUPTIONS) {
      it(`ends in the same world: ${step}, ${how}`, async () => {
        using world = createWorld();
        world.power.interruption = { step, how };
        const id = await live(world);
        assert.equal(world.power.interruption, undefined, 'the step was there to be stopped');
        await assertSameWorld(world, id, `${step}, ${how}`);
      });
    }
  }
});

describe('requests at once', () => {
  it('make one session and one instance of 50', async () => {
    using world = createWorld();
    const views = await Promise.all(Array.from({ length: 50 }, () => create(world)));
    assert.equal(new Set(views.map(({ id }) => id)).size, 1);
    const [first] = views;
    await driveTo(world, first?.id ?? '', 'READY');
    assert.equal(world.compute.made.length, 1);
    const inserts = world.compute.calls.filter(({ verb }) => verb === 'insert');
    assert.equal(new Set(inserts.map(({ requestId }) => requestId)).size, 1);
  });
});
