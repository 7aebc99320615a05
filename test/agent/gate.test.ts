// The gate with what waits at it: what is held, what is delivered and in which order, what the API is told at once.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Gate } from '../../agent/gate.ts';
import type { LookFor } from '../../agent/gate.ts';
import { createLog } from '../../agent/log.ts';
import type { IdleAction, ReportResponse } from '../../functions/contract.ts';
import { GATE_SECONDS } from '../../functions/contract.ts';
import { MachineClock } from './machine-clock.ts';

const NEVER = new AbortController().signal;

describe('the gate', () => {
  it('lets nothing pass while it is shut, and everything in order when it opens', async () => {
    const world = start();
    await world.prepare('suspend');
    for (const what of ['one', 'two']) world.gate.onceOpen(() => world.delivered.push(what));
    const request = world.gate.admitRequest(NEVER).then(() => world.delivered.push('request'));
    assert.deepEqual(world.delivered, []);
    world.clock.advance(GATE_SECONDS * 1000);
    world.gate.tick();
    await request;
    assert.deepEqual(world.delivered, ['one', 'two', 'request']);
  });

  it('is shut before it looks, and says no when a request is still under way', async () => {
    const world = start();
    const leave = await world.gate.admitRequest(NEVER);
    await world.prepare('suspend');
    assert.deepEqual(world.gate.word().sleep, { nonce: 'n1', isAgreed: false, forSeconds: 0 });
    assert.deepEqual(world.wasOpenAtLook, [false]);
    leave?.();
    await world.prepare('suspend');
    assert.deepEqual(world.gate.word().sleep, { nonce: 'n2', isAgreed: true, forSeconds: 60 });
  });

  it('says no when it cannot look', async () => {
    const world = start();
    world.look = () => Promise.reject(new Error('no /proc'));
    await world.prepare('stop');
    assert.equal(world.gate.word().sleep?.isAgreed, false);
    assert.ok(world.gate.isOpen);
  });

  it('does not believe a look from before a wake', async () => {
    const world = start();
    const look = Promise.withResolvers<boolean>();
    world.look = () => look.promise;
    await world.prepare('suspend');
    world.gate.woke();
    look.resolve(true);
    await nextTurn();
    assert.equal(world.gate.word().sleep?.isAgreed, false);
  });

  it('opens at a wake when the time is over, and stays shut when it is not', async () => {
    for (const [seconds, isOpen] of [
      [GATE_SECONDS - 1, false],
      [GATE_SECONDS, true],
    ] as const) {
      const world = start();
      await world.prepare('suspend');
      world.clock.sleep(seconds * 1000);
      world.gate.woke();
      assert.equal(world.gate.isOpen, isOpen, `after ${seconds} s`);
    }
  });

  it('tells the API at once what it has seen, once for those who wait, and not what it repeats', async () => {
    const world = start();
    await world.prepare('suspend');
    assert.equal(world.urgent, 1);
    for (let count = 0; count < 3; count += 1) world.gate.use();
    assert.equal(world.urgent, 2);
    world.repeat('prepare', 'suspend');
    assert.equal(world.urgent, 2);
    assert.equal(world.gate.word().sleep?.isAgreed, true);
  });

  it('lets a request wait for a bounded time, and not for a caller that has gone', async () => {
    const world = start();
    await world.prepare('suspend');
    const late = world.gate.admitRequest(NEVER);
    const caller = new AbortController();
    const gone = world.gate.admitRequest(caller.signal);
    caller.abort();
    assert.equal(await gone, undefined);
    world.clock.advance(30_000);
    assert.equal(await late, undefined);
    assert.equal(await world.gate.admitRequest(AbortSignal.abort()), undefined);
  });

  it('holds a new channel, which is no sign of use', async () => {
    const world = start();
    await world.prepare('stop');
    const channel = world.gate.admitChannel(NEVER);
    assert.ok(!world.gate.isOpen);
    world.gate.heard(world.gate.word(), world.response({ isAwake: true }));
    assert.equal(await channel, true);
  });

  it('takes back what it agreed to for a stop when a request comes, and admits it', async () => {
    const world = start();
    await world.prepare('stop');
    assert.ok(await world.gate.admitRequest(NEVER));
    assert.equal(world.gate.word().sleep?.isAgreed, false);
    world.repeat('switchOff', 'stop');
    await nextTurn();
    assert.equal(world.switchedOff, 0);
  });

  it('switches off once, after another look, and stays shut', async () => {
    const world = start();
    await world.prepare('delete');
    world.repeat('switchOff', 'delete');
    world.repeat('switchOff', 'delete');
    await nextTurn();
    assert.equal(world.switchedOff, 1);
    assert.deepEqual(world.looks, [
      { by: 'delete', isGatewayNeeded: true },
      { by: 'stop', isGatewayNeeded: true },
    ]);
    world.gate.use();
    world.clock.advance(3_600_000);
    world.gate.tick();
    assert.ok(!world.gate.isOpen);
  });

  it('switches a forgotten machine off without a gateway’s answer, unless something runs', async () => {
    const world = start();
    world.look = () => Promise.resolve(false);
    world.gate.forgotten();
    await nextTurn();
    assert.deepEqual([world.switchedOff, world.gate.isOpen], [0, true]);
    world.look = () => Promise.resolve(true);
    world.gate.forgotten();
    await nextTurn();
    assert.equal(world.switchedOff, 1);
    assert.deepEqual(world.looks.at(-1), { by: 'stop', isGatewayNeeded: false });
  });
});

interface World {
  clock: MachineClock;
  gate: Gate;
  delivered: string[];
  looks: LookFor[];
  wasOpenAtLook: boolean[];
  /** How often the API was to be told at once. */
  urgent: number;
  switchedOff: number;
  look: () => Promise<boolean>;
  response(more: { isAwake: boolean }): ReportResponse;
  /** The API asks for another sleep; resolves when the agent has looked. */
  prepare(by: IdleAction): Promise<void>;
  /** The API says something about the sleep that it asked for last. */
  repeat(action: 'prepare' | 'switchOff', by: IdleAction): void;
}

function start(): World {
  const clock = new MachineClock();
  let nonces = 0;
  const world: World = {
    clock,
    delivered: [],
    looks: [],
    wasOpenAtLook: [],
    urgent: 0,
    switchedOff: 0,
    look: () => Promise.resolve(true),
    gate: new Gate({
      look: (what) => {
        world.looks.push(what);
        world.wasOpenAtLook.push(world.gate.isOpen);
        return world.look();
      },
      clock,
      log: createLog(clock, () => undefined),
      onUrgent: () => (world.urgent += 1),
      onSwitchOff: () => (world.switchedOff += 1),
    }),
    response: (more: { isAwake: boolean }) => ({
      reportIntervalSeconds: 30,
      deadManSeconds: 3600,
      ...more,
    }),
    prepare: async (by: IdleAction) => {
      nonces += 1;
      world.repeat('prepare', by);
      await nextTurn();
    },
    repeat: (action: 'prepare' | 'switchOff', by: IdleAction) => {
      const sleep = { nonce: `n${nonces}`, action, by };
      world.gate.heard(world.gate.word(), { ...world.response({ isAwake: false }), sleep });
    },
  };
  return world;
}
