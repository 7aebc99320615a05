// When the dead-man's timer switches the machine off, with a clock that the test turns.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { CpuSample } from '../../agent/cpu.ts';
import { DeadMan } from '../../agent/dead-man.ts';
import { createLog } from '../../agent/log.ts';
import { Pulse } from '../../agent/pulse.ts';
import { Unattended } from '../../agent/unattended.ts';
import type { KernelActivity } from '../../functions/contract.ts';
import { MachineClock } from './machine-clock.ts';

const HOUR = 3_600;

describe('an unattended machine', () => {
  it('is switched off when nothing has run and the API was away for an hour', async () => {
    const world = start();
    await world.pass(HOUR - 1);
    assert.equal(world.forgotten, 0);
    await world.pass(1);
    assert.equal(world.forgotten, 1);
  });

  it('is switched off after the time that the API has said last', async () => {
    const world = start();
    world.deadMan.reached(600, world.clock.awake());
    await world.pass(599);
    assert.equal(world.forgotten, 0);
    await world.pass(1);
    assert.equal(world.forgotten, 1);
  });

  it('stays on as long as the API is reached from time to time', async () => {
    const world = start();
    for (let count = 0; count < 5; count += 1) {
      await world.pass(HOUR - 1);
      world.deadMan.reached(HOUR, world.clock.awake());
    }
    assert.equal(world.forgotten, 0);
  });

  it('stays on while a kernel is at work, and for the full time after that', async () => {
    const world = start();
    world.kernels = [{ ...IDLE, state: 'busy', idleSeconds: 0 }];
    await world.pass(10 * HOUR);
    assert.equal(world.forgotten, 0);
    world.kernels = [IDLE];
    await world.pass(HOUR - 1);
    assert.equal(world.forgotten, 0);
    await world.pass(1);
    assert.equal(world.forgotten, 1);
  });

  it('counts from the last use of an idle kernel', async () => {
    const world = start();
    await world.pass(HOUR - 60);
    world.kernels = [{ ...IDLE, idleSeconds: 10 }];
    await world.pass(1);
    world.kernels = [IDLE];
    await world.pass(HOUR - 11);
    assert.equal(world.forgotten, 0);
    await world.pass(1);
    assert.equal(world.forgotten, 1);
  });

  it('stays on while a thread computes that Jupyter does not see', async () => {
    const world = start();
    world.processors = 1;
    await world.pass(5 * HOUR);
    assert.equal(world.forgotten, 0);
    world.processors = 0.02;
    await world.pass(HOUR + 60);
    assert.equal(world.forgotten, 1);
  });

  it('has its full time again when it has slept for 50 days', async () => {
    const world = start();
    await world.pass(HOUR - 30);
    world.clock.sleep(50 * 86_400_000);
    await world.pass(HOUR - 1);
    assert.equal(world.forgotten, 0);
    await world.pass(2);
    assert.equal(world.forgotten, 1);
  });

  it('has its full time again when it was about to be switched off and something ran', async () => {
    const world = start();
    await world.pass(2 * HOUR - 1);
    assert.equal(world.forgotten, 1);
    await world.pass(1);
    assert.equal(world.forgotten, 2);
  });
});

const IDLE: KernelActivity = {
  id: 'k',
  name: 'python3',
  state: 'idle',
  connections: 1,
  idleSeconds: 1_000_000,
};

function start() {
  const clock = new MachineClock();
  const deadMan = new DeadMan(clock.awake());
  const log = createLog(clock, () => undefined);
  let ticks = 0;
  const cpu = {
    sample: (): Promise<CpuSample> =>
      Promise.resolve({ at: clock.awake(), kind: 'kernels', ticks: new Map([['1 1', ticks]]) }),
  };
  const kernels = {
    get isAnyAtWork() {
      return world.kernels.some(({ state }) => state === 'busy');
    },
    livingIds: ['k'],
    activities: () => world.kernels,
  };
  const world = {
    clock,
    deadMan,
    forgotten: 0,
    kernels: [IDLE],
    /** In use, as the samples show it. */
    processors: 0,
    pass: async (seconds: number) => {
      for (let count = 0; count < seconds; count += 1) {
        ticks += world.processors * 100;
        clock.advance(1_000);
        if (count % 20 === 0) await nextTurn();
      }
      await nextTurn();
    },
  };
  const unattended = new Unattended({
    ...{ deadMan, kernels, cpu, clock, log },
    onForgotten: () => (world.forgotten += 1),
  });
  const pulse = new Pulse({
    clock,
    onBeat: () => {
      unattended.beat();
    },
    onWake: () => {
      deadMan.begin(clock.awake());
    },
  });
  pulse.start();
  return world;
}
