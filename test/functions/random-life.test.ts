// Sessions that anything may happen to, in any order: the world stays consistent, every change of state is in the
// table (world.ts checks each that is saved), and deleting leaves nothing.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AppError } from '../../functions/errors.ts';
import { reconcile } from '../../functions/reconcile.ts';
import { noteReport } from '../../functions/agents.ts';
import { IDLE_ACTIONS } from '../../functions/contract.ts';
import { reap } from '../../functions/reaper.ts';
import { extendSession } from '../../functions/sessions.ts';
import { randomNumbers } from '../helpers/random-numbers.ts';
import { again, ask, claimsOf, create, driveTo, kernel, register, report, USER } from './drive.ts';
import { createWorld, type World } from './world.ts';

const LIVES = 100;
const EVENTS = 40;

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

/** Answers what it is asked, sometimes late, sometimes something else. */
const agentAnswers: Event = async (world, id, random) => {
  const record = await world.store.get(id);
  const { agent, sleep } = record ?? {};
  if (!agent) return;
  const busy = random(3) === 0 ? [kernel('busy')] : [];
  const answer = sleep
    ? { sleep: { nonce: sleep.nonce, isAgreed: random(4) > 0, forSeconds: 60 } }
    : {};
  const sequence = (agent.report?.sequence ?? 0) + 1;
  const wake = agent.report?.wake ?? 0;
  const body = { bootId: agent.bootId, wake, sequence, gatewayReady: true };
  try {
    const claims = await claimsOf(world, id);
    await noteReport(id, claims, { ...body, kernels: busy, ...answer }, world.deps);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
  }
};

/** What may be refused: a session that is off cannot be suspended or extended. */
function asking(work: (world: World, id: string) => Promise<unknown>): Event {
  return async (world, id) => {
    try {
      await work(world, id);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
    }
  };
}

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
  asking((world, id) => ask(world, id, 'suspended')),
  asking((world, id) => extendSession(USER, id, 120, undefined, world.deps)),
  (world) => reap(world.deps),
  (world) => {
    world.clock.advance(120);
    return reap(world.deps);
  },
  agentAnswers,
  agentAnswers,
  agentAnswers,
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
      const request = {
        idleTimeoutSeconds: 60,
        idleAction: IDLE_ACTIONS[random(3)] ?? 'suspend',
        ...(random(2) === 0 ? { maxLifetimeSeconds: 600 } : {}),
      };
      let { id } = await create(world, 'default', request);
      for (let count = 0; count < EVENTS; count += 1) {
        const event = EVENT_KINDS[random(EVENT_KINDS.length)] ?? pass;
        await again(() => event(world, id, random));
        assert.ok(await hasNoTwin(world), `two instances, seed ${seed}`);
        // Deleted when idle: then the next one of that name goes on.
        if (!(await world.store.get(id))) ({ id } = await again(() => create(world)));
      }
      await deleteForGood(world, id);
      assert.equal(world.compute.instances.size, 0, `an instance is left, seed ${seed}`);
      for (const transition of world.transitions) transitions.add(transition);
    }
    assert.ok(transitions.size > 40, [...transitions].sort().join('\n'));
  });
});

/** One instance for each session, and none for no session. */
async function hasNoTwin(world: World): Promise<boolean> {
  const sessions = await world.store.list({ size: 100 });
  const owners = [...world.compute.instances.values()].map(
    ({ labels }) => labels['datalab-session'],
  );
  return new Set(owners).size === owners.length && owners.length <= sessions.length;
}

async function deleteForGood(world: World, id: string): Promise<void> {
  world.power.killAt = undefined;
  Object.assign(world.compute, {
    refuseNext: undefined,
    failNext: undefined,
    loseNextReply: false,
  });
  // Others of that name may be on their way out still.
  for (const { uid } of await world.store.list({ size: 100 })) {
    if (uid !== id) await driveTo(world, uid, 'removed').catch(() => undefined);
  }
  if (!(await world.store.get(id))) return;
  await ask(world, id, 'deleted');
  // An operation of before may still fail, and a delete with it: then the user asks again.
  for (let round = 0; round < 5; round += 1) {
    const failed = await driveTo(world, id, 'removed').catch(() => 'failed');
    if (failed === undefined) return;
    await ask(world, id, 'deleted');
  }
  assert.fail(`not deleted: ${JSON.stringify(await world.store.get(id))}`);
}
