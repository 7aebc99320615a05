// How sessions go to sleep: as agreed with the agent, within what it agreed to, and never over running work.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { noteReport } from '../../functions/agents.ts';
import { GATE_SECONDS, type CreateSessionRequest } from '../../functions/contract.ts';
import { AppError } from '../../functions/errors.ts';
import { reap } from '../../functions/reaper.ts';
import { reconcile } from '../../functions/reconcile.ts';
import type { SessionRecord } from '../../functions/record.ts';
import { stateOf } from '../../functions/session.ts';
import { extendSession } from '../../functions/sessions.ts';
import { viewOf } from '../../functions/view.ts';
import {
  ask,
  claimsOf,
  create,
  driveTo,
  kernel,
  register,
  reportAs,
  USER,
  type TestAgent,
} from './drive.ts';
import { createWorld, type World } from './world.ts';

const IDLE_SECONDS = 600;

interface Ready {
  world: World;
  id: string;
  agent: TestAgent;
}

/** A session that is READY, and its agent. */
async function ready(world: World, request: Partial<CreateSessionRequest> = {}): Promise<Ready> {
  const { id } = await create(world, 'default', { idleTimeoutSeconds: IDLE_SECONDS, ...request });
  await driveTo(world, id, 'BOOTING', { isAgentAlive: false });
  const [instance] = await world.compute.findInstances(id);
  const agent: TestAgent = { bootId: 'b', sequence: 0, startedAt: instance?.startedAt ?? '' };
  await register(world, id, 'b');
  await reportAs(world, id, agent);
  assert.equal(await stateIn(world, id), 'READY');
  return { world, id, agent };
}

async function record(world: World, id: string): Promise<SessionRecord> {
  const found = await reconcile(id, world.deps);
  assert.ok(found);
  return found;
}

async function stateIn(world: World, id: string): Promise<string> {
  return stateOf(await record(world, id));
}

/** Reports idle kernels until the agent is asked to prepare, as the next one would tell. */
async function untilAsked({ world, id, agent }: Ready): Promise<void> {
  world.clock.advance(IDLE_SECONDS);
  await reap(world.deps);
  await reportAs(world, id, agent, [kernel('idle', IDLE_SECONDS)]);
  assert.equal(agent.words?.sleep?.action, 'prepare');
}

function suspends(world: World): number {
  return world.compute.calls.filter(({ verb }) => verb === 'suspend').length;
}

describe('an idle session', () => {
  it('is suspended when its agent has agreed, and not before', async () => {
    using world = createWorld();
    const session = await ready(world);
    await untilAsked(session);
    assert.equal(await stateIn(world, session.id), 'READY');
    assert.equal(suspends(world), 0, 'nothing is suspended before the agent has agreed');
    const words = await reportAs(world, session.id, session.agent);
    assert.equal(words.isAwake, false);
    assert.equal(suspends(world), 1);
    assert.equal(await stateIn(world, session.id), 'SUSPENDING');
    await driveTo(world, session.id, 'SUSPENDED', { isAgentAlive: false });
  });

  it('is put to sleep by reports alone, without a reaper', async () => {
    using world = createWorld();
    const { id, agent } = await ready(world);
    for (let seconds = 0; seconds <= IDLE_SECONDS + 60; seconds += 30) {
      world.clock.advance(30);
      await reportAs(world, id, agent, [kernel('idle', seconds)]);
      if (agent.words?.isAwake === false) break;
    }
    assert.equal(suspends(world), 1);
  });

  it('keeps its memory over suspend and start, and sleeps again within the hour, each time acting', async () => {
    using world = createWorld();
    const session = await ready(world);
    for (let round = 1; round <= 3; round += 1) {
      await untilAsked(session);
      await reportAs(world, session.id, session.agent);
      await driveTo(world, session.id, 'SUSPENDED', { isAgentAlive: false });
      assert.equal((await ask(world, session.id, 'running')).state, 'RESUMING');
      await driveTo(world, session.id, 'READY', { isAgentAlive: false });
      await reportAs(world, session.id, session.agent);
      assert.equal(suspends(world), round);
    }
    const operations = world.compute.operations.filter(({ verb }) => verb === 'suspend');
    assert.equal(new Set(operations.map(({ requestId }) => requestId)).size, 3);
    assert.deepEqual(world.compute.made.length, 1);
  });

  it('stays awake while a kernel is busy, however long', async () => {
    using world = createWorld();
    const { id, agent } = await ready(world);
    for (let hours = 0; hours < 72; hours += 1) {
      world.clock.advance(3600);
      await reap(world.deps);
      await reportAs(world, id, agent, [kernel('busy'), kernel('idle', hours * 3600, 'other')]);
      assert.equal(agent.words?.sleep, undefined);
    }
    const view = viewOf(await record(world, id));
    assert.equal(view.state, 'READY');
    assert.deepEqual(view.awake, { reason: 'kernel python3 is busy' });
  });

  it('sleeps although a kernel waits for input', async () => {
    using world = createWorld();
    const session = await ready(world);
    await untilAsked(session);
    await reportAs(world, session.id, session.agent, [kernel('waitingForInput', IDLE_SECONDS)]);
    assert.equal(suspends(world), 1);
  });

  it('says why it is awake and when it will sleep', async () => {
    using world = createWorld();
    const { id, agent } = await ready(world);
    world.clock.advance(100);
    await reportAs(world, id, agent, [kernel('idle', 40)]);
    const { awake } = viewOf(await record(world, id));
    assert.equal(awake?.reason, 'it was in use within the last 10 min');
    const expected = world.clock.now() - 40_000 + IDLE_SECONDS * 1000;
    assert.equal(awake.sleepTime, new Date(expected).toISOString());
  });

  it('stays awake when its agent looks again and does not agree', async () => {
    using world = createWorld();
    const session = await ready(world);
    const { id, agent } = session;
    await untilAsked(session);
    const nonce = agent.words?.sleep?.nonce ?? '';
    delete agent.words;
    await answer(session, nonce, false);
    assert.equal(suspends(world), 0);
    assert.equal(await stateIn(world, id), 'READY');
    assert.equal((await record(world, id)).sleep, undefined);
  });

  it('is asked with a nonce that is good for one answer', async () => {
    using world = createWorld();
    const session = await ready(world);
    await untilAsked(session);
    const nonce = session.agent.words?.sleep?.nonce ?? '';
    delete session.agent.words;
    await answer(session, nonce, false);
    await answer(session, nonce, true);
    assert.equal(suspends(world), 0, 'an old nonce puts nothing to sleep');
    await answer(session, 'made-up', true);
    assert.equal(suspends(world), 0);
  });
});

describe('the time that the agent has agreed to', () => {
  it('counts from when the agent was told, however long its answer travels', async () => {
    using world = createWorld();
    const session = await ready(world);
    await untilAsked(session);
    world.clock.advance(GATE_SECONDS - 5);
    await reportAs(world, session.id, session.agent);
    assert.equal(suspends(world), 0, 'too little is left for the call');
    assert.equal(await stateIn(world, session.id), 'READY');
    assert.equal(session.agent.words?.isAwake, true, 'the gate may open');
  });

  it('bounds the claim: a suspend that stalls until it is over does nothing', async () => {
    using world = createWorld();
    const session = await ready(world);
    await untilAsked(session);
    const { store } = world.deps;
    // The process stands still between saving the claim and making the call.
    world.deps.store = {
      ...store,
      save: async (next) => {
        const saved = await store.save(next);
        if (saved?.claim?.step === 'suspend') world.clock.advance(GATE_SECONDS);
        return saved;
      },
    };
    await reportAs(world, session.id, session.agent);
    world.deps.store = store;
    assert.equal(suspends(world), 0);
    world.clock.advance(200);
    assert.equal(await stateIn(world, session.id), 'READY');
    assert.equal(suspends(world), 0, 'nobody makes up for it without asking the agent again');
  });

  it('is not used for a second try when Google does not answer in it', async () => {
    using world = createWorld();
    const session = await ready(world);
    await untilAsked(session);
    world.compute.suspendInstance = () =>
      Promise.reject(new AppError('UNAVAILABLE', 'no answer', { isRetryable: true }));
    await reportAs(world, session.id, session.agent);
    for (let round = 0; round < 20; round += 1) {
      world.clock.advance(15);
      await reconcile(session.id, world.deps);
    }
    const after = await record(world, session.id);
    assert.equal(stateOf(after), 'READY');
    assert.equal(after.failure, undefined, 'a sleep that did not come off is no failure');
  });
});

describe('start', () => {
  it('wins over a sleep that has not begun, one second before', async () => {
    using world = createWorld();
    const session = await ready(world);
    await untilAsked(session);
    const { store } = world.deps;
    let isAsked = false;
    // The user's start is saved between the agreement and the save of the sleep.
    world.deps.store = {
      ...store,
      save: async (next) => {
        if (next.claim?.step === 'suspend' && !isAsked) {
          isAsked = true;
          await ask({ ...world, deps: { ...world.deps, store } }, session.id, 'running');
        }
        return await store.save(next);
      },
    };
    const words = await reportAs(world, session.id, session.agent);
    assert.ok(isAsked);
    assert.equal(suspends(world), 0);
    assert.equal(words.isAwake, true);
    assert.equal(await stateIn(world, session.id), 'READY');
  });

  it('that comes after the suspend was claimed resumes when that has ended', async () => {
    using world = createWorld();
    const session = await ready(world);
    await untilAsked(session);
    await reportAs(world, session.id, session.agent);
    assert.equal((await ask(world, session.id, 'running')).state, 'SUSPENDING');
    await driveTo(world, session.id, 'READY', { isAgentAlive: false });
    const verbs = world.compute.operations.map(({ verb }) => verb);
    assert.deepEqual(verbs, ['insert', 'suspend', 'resume']);
  });

  it('begins a full idle time, however long the resume takes', async () => {
    using world = createWorld();
    const session = await ready(world, { idleTimeoutSeconds: 60 });
    const { id } = session;
    await ask(world, id, 'suspended');
    await driveTo(world, id, 'SUSPENDED', { isAgentAlive: false });
    world.clock.advance(86_400);
    await ask(world, id, 'running');
    world.clock.advance(300);
    await driveTo(world, id, 'READY', { isAgentAlive: false });
    const { awake } = viewOf(await record(world, id));
    assert.equal(awake?.sleepTime, new Date(world.clock.now() + 60_000).toISOString());
  });
});

describe('an idle session that is to be stopped', () => {
  it('is switched off by its agent, and by nobody else', async () => {
    using world = createWorld();
    const session = await ready(world, { idleAction: 'stop' });
    const { id, agent } = session;
    await untilAsked(session);
    const words = await reportAs(world, id, agent);
    assert.equal(words.sleep?.action, 'switchOff');
    assert.equal(await stateIn(world, id), 'STOPPING');
    await reportAs(world, id, agent);
    await driveTo(world, id, 'STOPPED', { isAgentAlive: false });
    assert.deepEqual(
      world.compute.calls.map(({ verb }) => verb),
      ['insert'],
    );
  });

  it('stays awake when its agent looks once more and finds work', async () => {
    using world = createWorld();
    const session = await ready(world, { idleAction: 'stop' });
    await untilAsked(session);
    const nonce = session.agent.words?.sleep?.nonce ?? '';
    await reportAs(world, session.id, session.agent);
    delete session.agent.words;
    await answer(session, nonce, false);
    assert.equal(await stateIn(world, session.id), 'READY');
    assert.equal((await record(world, session.id)).want, 'running');
  });

  it('is awake again when the machine did not go', async () => {
    using world = createWorld();
    const session = await ready(world, { idleAction: 'stop' });
    await untilAsked(session);
    await reportAs(world, session.id, session.agent);
    assert.equal(await stateIn(world, session.id), 'STOPPING');
    world.clock.advance(300);
    assert.equal(await stateIn(world, session.id), 'READY');
  });

  it('starts when that is asked for while the machine goes', async () => {
    using world = createWorld();
    const session = await ready(world, { idleAction: 'stop' });
    const { id, agent } = session;
    await untilAsked(session);
    await reportAs(world, id, agent);
    await ask(world, id, 'running');
    world.compute.setStatus('TERMINATED');
    await driveTo(world, id, 'READY');
    assert.deepEqual(
      world.compute.operations.map(({ verb }) => verb),
      ['insert', 'start'],
    );
  });
});

describe('an idle session that is to be deleted', () => {
  it('is switched off by its agent first, and deleted when nothing can run any more', async () => {
    using world = createWorld();
    const session = await ready(world, { idleAction: 'delete' });
    const { id, agent } = session;
    await untilAsked(session);
    await reportAs(world, id, agent);
    assert.equal(world.compute.instances.size, 1);
    await reportAs(world, id, agent);
    await driveTo(world, id, 'removed', { isAgentAlive: false });
    assert.equal(world.compute.instances.size, 0);
  });

  it('is not deleted when somebody starts it before', async () => {
    using world = createWorld();
    const session = await ready(world, { idleAction: 'delete' });
    const { id, agent } = session;
    await untilAsked(session);
    await reportAs(world, id, agent);
    await ask(world, id, 'running');
    world.compute.setStatus('TERMINATED');
    await driveTo(world, id, 'READY');
    assert.equal(world.compute.made.length, 1);
  });
});

describe('a session that its owner suspends', () => {
  it('is suspended at once, busy or not, and runs on after a start', async () => {
    using world = createWorld();
    const { id, agent } = await ready(world);
    await reportAs(world, id, agent, [kernel('busy')]);
    assert.equal((await ask(world, id, 'suspended')).state, 'SUSPENDING');
    await driveTo(world, id, 'SUSPENDED', { isAgentAlive: false });
    await ask(world, id, 'suspended');
    assert.equal(await stateIn(world, id), 'SUSPENDED', 'asking twice changes nothing');
    await ask(world, id, 'running');
    await driveTo(world, id, 'READY', { isAgentAlive: false });
  });

  it('is refused when it is off', async () => {
    using world = createWorld();
    const { id } = await ready(world);
    await ask(world, id, 'stopped');
    await driveTo(world, id, 'STOPPED');
    await assert.rejects(ask(world, id, 'suspended'), /is STOPPED: only a session that is up/);
  });

  it('is suspended once it is up', async () => {
    using world = createWorld();
    const { id } = await create(world);
    await ask(world, id, 'suspended');
    await driveTo(world, id, 'SUSPENDED', { isAgentAlive: false });
  });

  it('stays awake, with the reason, when Google cannot suspend it', async () => {
    using world = createWorld();
    const { id, agent } = await ready(world);
    world.compute.failNext = { code: 'FAILED_PRECONDITION', message: 'Not suspendable.' };
    await ask(world, id, 'suspended');
    const failed = await driveTo(world, id, 'FAILED', { isAgentAlive: false });
    assert.equal(failed?.failure?.message, 'Not suspendable.');
    await reportAs(world, id, agent);
    assert.equal(await stateIn(world, id), 'READY');
  });
});

describe('an agreed suspend that fails', () => {
  it('is said until one succeeds: otherwise the machine would run on and nobody know why', async () => {
    using world = createWorld();
    const session = await ready(world);
    const { id, agent } = session;
    await untilAsked(session);
    world.compute.failNext = { code: 'INTERNAL', message: 'this machine cannot be suspended' };
    await reportAs(world, id, agent);
    world.clock.advance(20);
    const awake = await record(world, id);
    assert.equal(stateOf(awake), 'READY');
    assert.match(viewOf(awake).awake?.reason ?? '', /could not be suspended .*cannot be suspended/);
    await ask(world, id, 'suspended');
    await driveTo(world, id, 'SUSPENDED', { isAgentAlive: false });
    assert.equal((await record(world, id)).sleepTrouble, undefined);
  });
});

describe('a suspend that nobody came to call', () => {
  it('is called later: its owner has asked for it and gone', async () => {
    using world = createWorld();
    const { id } = await ready(world);
    world.power.interruption = { step: 'suspend', how: 'before' };
    await assert.rejects(ask(world, id, 'suspended'));
    // The scheduler was late, too.
    world.clock.advance(300);
    for (let minute = 0; minute < 3; minute += 1) {
      await reap(world.deps);
      world.clock.advance(60);
    }
    assert.equal(await stateIn(world, id), 'SUSPENDED');
  });
});

describe('extend', () => {
  it('keeps a session awake although nobody uses it', async () => {
    using world = createWorld();
    const { id, agent } = await ready(world);
    const view = await extendSession(USER, id, 7200, undefined, world.deps);
    assert.equal(view.awake?.sleepTime, new Date(world.clock.now() + 7_200_000).toISOString());
    world.clock.advance(7000);
    await reap(world.deps);
    assert.equal((await reportAs(world, id, agent)).sleep, undefined);
    world.clock.advance(300);
    await reap(world.deps);
    assert.equal((await reportAs(world, id, agent)).sleep?.action, 'prepare');
  });

  it('wins over a sleep that is being prepared', async () => {
    using world = createWorld();
    const session = await ready(world);
    await untilAsked(session);
    await extendSession(USER, session.id, 3600, undefined, world.deps);
    await reportAs(world, session.id, session.agent);
    assert.equal(suspends(world), 0);
    assert.equal(session.agent.words?.isAwake, true);
  });

  it('is refused for a session that sleeps', async () => {
    using world = createWorld();
    const { id } = await ready(world);
    await ask(world, id, 'suspended');
    await assert.rejects(extendSession(USER, id, 60, undefined, world.deps), /start it before/);
  });
});

describe('a lifetime', () => {
  it('ends with a suspend, busy or not: no work is lost', async () => {
    using world = createWorld();
    const { id, agent } = await ready(world, { maxLifetimeSeconds: 3600 });
    world.clock.advance(3500);
    await reportAs(world, id, agent, [kernel('busy')]);
    await reap(world.deps);
    assert.equal(suspends(world), 0);
    world.clock.advance(200);
    await reap(world.deps);
    assert.equal(suspends(world), 1);
    await driveTo(world, id, 'SUSPENDED', { isAgentAlive: false });
  });

  it('begins anew with a start', async () => {
    using world = createWorld();
    const { id } = await ready(world, { maxLifetimeSeconds: 3600 });
    world.clock.advance(3700);
    await driveTo(world, id, 'SUSPENDED', { isAgentAlive: false });
    const woken = await ask(world, id, 'running');
    const end = new Date(world.clock.now() + 3_600_000).toISOString();
    assert.equal(woken.lifetimeEndTime, end);
    await driveTo(world, id, 'READY', { isAgentAlive: false });
  });

  it('is moved by extend', async () => {
    using world = createWorld();
    const { id } = await ready(world, { maxLifetimeSeconds: 3600 });
    world.clock.advance(3500);
    await extendSession(USER, id, 7200, undefined, world.deps);
    world.clock.advance(7000);
    await reap(world.deps);
    assert.equal(suspends(world), 0);
  });

  it('is backed by a limit of Google’s that only stops', async () => {
    using world = createWorld();
    const specs: unknown[] = [];
    const { compute } = world;
    const original = compute.insertInstance.bind(compute);
    compute.insertInstance = (spec, requestId) => {
      specs.push(spec.maxRunSeconds);
      return original(spec, requestId);
    };
    await ready(world, { maxLifetimeSeconds: 3600 });
    assert.deepEqual(specs, [7200 + 7 * 86_400]);
  });
});

describe('silence', () => {
  it('is not death: an instance that stops reporting is neither reset, stopped nor deleted', async () => {
    using world = createWorld();
    const { id } = await ready(world);
    for (let hours = 0; hours < 48; hours += 1) {
      world.clock.advance(3600);
      await reap(world.deps);
    }
    assert.equal(await stateIn(world, id), 'READY');
    assert.deepEqual(
      world.compute.calls.map(({ verb }) => verb),
      ['insert'],
    );
  });

  it('is looked at: a machine that was switched off while a kernel was busy is seen to be off', async () => {
    using world = createWorld();
    const { id, agent } = await ready(world);
    await reportAs(world, id, agent, [kernel('busy')]);
    world.compute.setStatus('TERMINATED');
    for (let minute = 0; minute < 10; minute += 1) {
      world.clock.advance(60);
      await reap(world.deps);
    }
    const stored = await world.store.get(id);
    assert.equal(stored && stateOf(stored), 'STOPPED');
  });

  it('of an agent that was started anew and only registered ends with the boot’s time limit', async () => {
    using world = createWorld({ BOOT_TIMEOUT_SECONDS: '300' });
    const { id } = await ready(world);
    await register(world, id, 'b-2');
    for (let minute = 0; minute < 10; minute += 1) {
      world.clock.advance(60);
      await reap(world.deps);
    }
    const stored = await world.store.get(id);
    assert.equal(stored && stateOf(stored), 'FAILED');
  });

  it('of a machine whose gateway never answered ends with its stop, since it holds no kernels', async () => {
    using world = createWorld({ BOOT_TIMEOUT_SECONDS: '300' });
    const { id } = await create(world, 'default', { idleTimeoutSeconds: IDLE_SECONDS });
    await driveTo(world, id, 'FAILED', { isAgentAlive: false });
    world.clock.advance(IDLE_SECONDS - 60);
    await reap(world.deps);
    assert.equal([...world.compute.instances.values()][0]?.status, 'RUNNING');
    world.clock.advance(120);
    await reap(world.deps);
    world.clock.advance(20);
    const failed = await record(world, id);
    assert.equal(failed.instance?.status, 'TERMINATED');
    assert.equal(stateOf(failed), 'FAILED');
    assert.match(failed.failure?.message ?? '', /did not register/);
  });

  it('of a gateway that had answered stops nothing: it may hold kernels', async () => {
    using world = createWorld({ BOOT_TIMEOUT_SECONDS: '300' });
    const { id, agent } = await ready(world, { idleTimeoutSeconds: IDLE_SECONDS });
    const down = { bootId: agent.bootId, wake: 0, sequence: 99, gatewayReady: false, kernels: [] };
    const current = await record(world, id);
    const report = { ...down, receivedAt: world.clock.now() };
    const lost = { ...current, agent: { bootId: 'b', version: '1', report } };
    assert.ok(await world.store.save(lost));
    await driveTo(world, id, 'FAILED', { isAgentAlive: false, seconds: 30 });
    world.clock.advance(86_400);
    await reap(world.deps);
    assert.equal((await record(world, id)).instance?.status, 'RUNNING');
  });
});

/** What an agent answers to a nonce, whatever it was told. */
async function answer({ world, id, agent }: Ready, nonce: string, isAgreed: boolean) {
  const words = { reportIntervalSeconds: 30, deadManSeconds: 60, isAwake: true };
  agent.words = { ...words, sleep: { nonce, action: 'prepare', by: 'suspend' } };
  if (isAgreed) return await reportAs(world, id, agent);
  agent.sequence += 1;
  const claims = await claimsOf(world, id);
  const sleep = { nonce, isAgreed, forSeconds: 0 };
  const body = { bootId: agent.bootId, wake: 0, sequence: agent.sequence, gatewayReady: true };
  return await noteReport(id, claims, { ...body, kernels: [], sleep }, world.deps);
}
