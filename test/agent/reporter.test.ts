// How the agent keeps the API informed, with a clock that the test turns.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ApiError } from '../../agent/api.ts';
import { createLog } from '../../agent/log.ts';
import { Reporter } from '../../agent/reporter.ts';
import type { Observation } from '../../agent/reporter.ts';
import type { ReportRequest } from '../../functions/contract.ts';

describe('the reporter', () => {
  it('registers first, then reports at the interval that the API asks for', async () => {
    const world = start();
    await world.pass(0);
    assert.deepEqual(world.calls, ['register', 'report 0']);
    assert.equal(world.token, 'the token');
    await world.pass(29_000);
    assert.equal(world.calls.length, 2);
    await world.pass(2_000);
    assert.equal(world.calls.at(-1), 'report 1');
    await world.end();
  });

  it('reports soon after a change, once for a group of changes', async () => {
    const world = start();
    await world.pass(5_000);
    for (const name of ['a', 'b', 'c']) {
      world.observation = { gatewayReady: true, kernels: [kernel(name)] };
      world.reporter.changed();
      await world.pass(20);
    }
    await world.pass(300);
    assert.deepEqual(world.calls.slice(2), ['report 1']);
    await world.end();
  });

  it('reports nothing when a change was undone at once', async () => {
    const world = start();
    await world.pass(5_000);
    world.reporter.changed();
    await world.pass(10_000);
    assert.equal(world.calls.length, 2);
    await world.end();
  });

  it('does not forget a change that came while a report was on its way', async () => {
    const world = start();
    await world.pass(0);
    world.observation = { gatewayReady: true, kernels: [] };
    world.reporter.changed();
    await world.pass(1_300);
    assert.equal(world.calls.at(-1), 'report 1');
    await world.end();
  });

  it('goes on asking, less and less often, while the API is away', async () => {
    const world = start();
    world.error = new Error('connect ECONNREFUSED');
    await world.pass(120_000);
    const attempts = world.calls.length;
    assert.ok(attempts >= 8 && attempts <= 14, `${attempts} attempts`);
    world.error = undefined;
    await world.pass(30_000);
    assert.ok(world.calls.some((call) => call.startsWith('report')));
    await world.end();
  });

  it('says that the session may be deleted, and asks rarely', async () => {
    const world = start();
    await world.pass(0);
    world.error = new ApiError(404, 'There is no such session.');
    await world.pass(30_000 + 3_600_000);
    const failures = world.lines.filter((line) => line.includes('was its session deleted?'));
    assert.ok(failures.length > 50 && failures.length < 140, `${failures.length} in an hour`);
    await world.end();
  });
});

function kernel(name: string): Observation['kernels'][number] {
  return { id: 'k', name, state: 'idle', connections: 0, idleSeconds: 0 };
}

interface World {
  calls: string[];
  lines: string[];
  token: string;
  /** What the API answers with while it is set. */
  error: Error | undefined;
  observation: Observation;
  reporter: Reporter;
  pass(milliseconds: number): Promise<void>;
  end(): Promise<void>;
}

function start(): World {
  let now = 0;
  const timers = new Set<{ at: number; run: () => void }>();
  const clock = {
    now: () => now,
    after: (milliseconds: number, run: () => void) => {
      const timer = { at: now + milliseconds, run };
      timers.add(timer);
      return () => {
        timers.delete(timer);
      };
    },
  };
  const lines: string[] = [];
  const fail = () => {
    if (world.error) throw world.error;
  };
  const world: World = {
    calls: [],
    lines,
    token: '',
    error: undefined,
    observation: { gatewayReady: false, kernels: [] },
    reporter: new Reporter({
      api: {
        register: () => {
          world.calls.push('register');
          return Promise.resolve()
            .then(fail)
            .then(() => ({ accessToken: 'the token', reportIntervalSeconds: 30 }));
        },
        report: (report: ReportRequest) => {
          world.calls.push(`report ${report.sequence}`);
          return Promise.resolve()
            .then(fail)
            .then(() => ({ reportIntervalSeconds: 30 }));
        },
      },
      agentVersion: '1',
      bootId: 'boot',
      observe: () => world.observation,
      onRegistered: (token) => {
        world.token = token;
      },
      clock,
      log: createLog(clock, (line) => lines.push(line)),
      random: () => 1,
    }),
    /** Lets the time pass, timer by timer. */
    pass: async (milliseconds: number) => {
      const end = now + milliseconds;
      await nextTurn();
      for (;;) {
        const [due] = [...timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
        if (!due) break;
        timers.delete(due);
        now = due.at;
        due.run();
        await nextTurn();
      }
      now = end;
    },
    end: async () => {
      world.reporter.stop();
      await running;
    },
  };
  const running = world.reporter.run();
  return world;
}
