// Stop after every step, run again, same final world.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { again, ask, create, driveTo } from './drive.ts';
import { createWorld, type World } from './world.ts';

/** A session's whole life. Each answer may be lost: then the user asks once more. */
async function live(world: World): Promise<string> {
  const { id } = await again(() => create(world));
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

async function countBoundaries(): Promise<number> {
  using world = createWorld();
  await live(world);
  return world.power.passed;
}

describe('a session whose backend is killed', () => {
  it('ends in the same world, whichever step it is killed after', async () => {
    const boundaries = await countBoundaries();
    assert.ok(boundaries > 40, `${boundaries} boundaries`);
    for (let killAt = 1; killAt <= boundaries; killAt += 1) {
      using world = createWorld();
      world.power.killAt = killAt;
      const id = await live(world);
      const where = `killed at boundary ${killAt} of ${boundaries}`;
      assert.equal(world.compute.made.length, 1, `one instance was made, ${where}`);
      assert.equal(world.compute.instances.size, 0, `none is left, ${where}`);
      assert.equal(await world.store.get(id), undefined, `no record is left, ${where}`);
      const verbs = world.compute.operations.map(({ verb }) => verb);
      assert.deepEqual(verbs, ['insert', 'stop', 'start', 'delete'], where);
    }
  });

  it('ends in the same world, whichever reply of Compute Engine is lost', async () => {
    for (const lost of ['insert', 'stop', 'start', 'delete']) {
      using world = createWorld();
      const { compute } = world;
      const mutate = ['insertInstance', 'stopInstance', 'startInstance', 'deleteInstance'] as const;
      const method = mutate.find((name) => name.startsWith(lost)) ?? 'insertInstance';
      const original = compute[method].bind(compute) as (...values: unknown[]) => Promise<void>;
      let isLost = false;
      Object.assign(compute, {
        [method]: (...values: unknown[]) => {
          compute.loseNextReply = !isLost;
          isLost = true;
          return original(...values);
        },
      });
      await live(world);
      const verbs = compute.operations.map(({ verb }) => verb);
      assert.deepEqual(verbs, ['insert', 'stop', 'start', 'delete'], `reply to ${lost} lost`);
      assert.equal(compute.made.length, 1);
    }
  });

  it('makes one session and one instance of 50 requests at once', async () => {
    using world = createWorld();
    const views = await Promise.all(Array.from({ length: 50 }, () => create(world)));
    assert.equal(new Set(views.map(({ id }) => id)).size, 1);
    const [first] = views;
    await driveTo(world, first?.id ?? '', 'READY');
    assert.equal(world.compute.made.length, 1);
    assert.equal(new Set(world.compute.calls.map(({ requestId }) => requestId)).size, 1);
  });
});
