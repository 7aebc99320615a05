// Sessions that anything may happen to, in any order: the world stays consistent, every change of state is in the
// table (world.ts checks each that is saved), and deleting leaves nothing.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AppError } from '../../functions/errors.ts';
import { reconcile } from '../../functions/reconcile.ts';
import { again, ask, create, driveTo, register, report } from './drive.ts';
import { createWorld, type World } from './world.ts';

const LIVES = 100;
const EVENTS = 40;

/** Mulberry32: the same lives in every run. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4_294_967_296) * below);
  };
}

type Event = (world: World, id: string, random: (below: number) => number) => Promise<unknown>;

const pass: Event = (world, id, random) => {
  world.clock.advance(1 + random(30));
  return reconcile(id, world.deps);
};

const agentComes: Event = async (world, id, random) => {
  const bootId = `boot-${random(6)}`;
  try {
    await register(world, id, bootId);
    await report(world, id, bootId, random(20), random(3) > 0);
  } catch (error) {
    // No instance, or not one that is known: an agent is turned away, and that is all.
    if (!(error instanceof AppError)) throw error;
  }
};

function outside(status: 'RUNNING' | 'TERMINATED' | 'SUSPENDED' | 'gone'): Event {
  return (world) => {
    world.compute.setStatus(status);
    return Promise.resolve();
  };
}

const EVENT_KINDS: readonly Event[] = [
  pass,
  pass,
  pass,
  pass,
  agentComes,
  agentComes,
  (world) => create(world),
  (world, id) => ask(world, id, 'running'),
  (world, id) => ask(world, id, 'stopped'),
  outside('RUNNING'),
  outside('TERMINATED'),
  outside('SUSPENDED'),
  (world, id, random) => (random(4) === 0 ? outside('gone')(world, id, random) : Promise.resolve()),
  (world) => {
    world.compute.refuseNext = new AppError('RESOURCE_EXHAUSTED', 'quota');
    return Promise.resolve();
  },
  (world) => {
    world.compute.loseNextReply = true;
    return Promise.resolve();
  },
  (world) => {
    world.compute.failNext = { code: 'INTERNAL', message: 'failed' };
    return Promise.resolve();
  },
  (world, _id, random) => {
    world.power.killAt = world.power.passed + 1 + random(6);
    return Promise.resolve();
  },
];

describe('a session that anything may happen to', () => {
  it('never has two instances, and leaves none when it is deleted', async () => {
    const transitions = new Set<string>();
    for (let seed = 1; seed <= LIVES; seed += 1) {
      using world = createWorld({ BOOT_TIMEOUT_SECONDS: '120' });
      const random = randomNumbers(seed);
      const { id } = await create(world);
      for (let count = 0; count < EVENTS; count += 1) {
        const event = EVENT_KINDS[random(EVENT_KINDS.length)] ?? pass;
        await again(() => event(world, id, random));
        assert.ok(world.compute.instances.size <= 1, `two instances, seed ${seed}`);
      }
      await deleteForGood(world, id);
      assert.equal(world.compute.instances.size, 0, `an instance is left, seed ${seed}`);
      for (const transition of world.transitions) transitions.add(transition);
    }
    assert.ok(transitions.size > 30, [...transitions].sort().join('\n'));
  });
});

async function deleteForGood(world: World, id: string): Promise<void> {
  world.power.killAt = undefined;
  Object.assign(world.compute, {
    refuseNext: undefined,
    failNext: undefined,
    loseNextReply: false,
  });
  await ask(world, id, 'deleted');
  // An operation of before may still fail, and a delete with it: then the user asks again.
  for (let round = 0; round < 5; round += 1) {
    const failed = await driveTo(world, id, 'removed').catch(() => 'failed');
    if (failed === undefined) return;
    await ask(world, id, 'deleted');
  }
  assert.fail(`not deleted: ${JSON.stringify(await world.store.get(id))}`);
}
