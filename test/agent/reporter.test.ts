// How the agent keeps the API informed, with a clock that the test turns.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ApiError } from '../../agent/api.ts';
import { createLog } from '../../agent/log.ts';
import { Reporter } from '../../agent/reporter.ts';
import type { Word } from '../../agent/gate.ts';
import type { Observation } from '../../agent/reporter.ts';
import type { ReportRequest, ReportResponse } from '../../functions/contract.ts';

const INTERVALS = { reportIntervalSeconds: 30, deadManSeconds: 3600 };

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
      world.observation = { wake: 0, gatewayReady: true, kernels: [kernel(name)] };
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

  it('keeps its interval when the wall clock is set back', async () => {
    const world = start();
    await world.pass(5_000);
    world.clockIsSetBy = -3_600_000;
    world.reporter.changed();
    await world.pass(26_000);
    assert.equal(world.calls.at(-1), 'report 1');
    await world.end();
  });

  it('does not forget a change that came while a report was on its way', async () => {
    const world = start();
    await world.pass(0);
    world.observation = { wake: 0, gatewayReady: true, kernels: [] };
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

  it('reports at once when it is asked to, and what the gate has to say', async () => {
    const world = start();
    await world.pass(100);
    assert.equal(world.reports[0]?.sleep, undefined);
    const sleep = { nonce: 'n', isAgreed: true, forSeconds: 60 };
    const word = { sleep, answer: { nonce: 'n', isAgreed: true }, version: 2 };
    world.word = word;
    world.reporter.reportNow();
    await world.pass(0);
    assert.deepEqual(world.reports[1]?.sleep, sleep);
    assert.equal(world.heard[1]?.[0], word);
    assert.equal(world.calls.length, 3);
    await world.end();
  });

  it('reports once more, at once, when it is asked to while a report is on its way', async () => {
    const world = start();
    await world.pass(100);
    const answer = Promise.withResolvers<ReportResponse>();
    world.answer = answer.promise;
    world.reporter.reportNow();
    await world.pass(5_000);
    world.reporter.reportNow();
    await world.pass(5_000);
    assert.equal(world.calls.at(-1), 'report 1');
    world.answer = Promise.resolve({ ...INTERVALS, isAwake: true });
    answer.resolve(world.answer);
    await world.pass(0);
    assert.equal(world.calls.at(-1), 'report 2');
    await world.end();
  });

  it('makes new connections when the machine has slept, and reports at once', async () => {
    const world = start();
    await world.pass(100);
    const answer = Promise.withResolvers<ReportResponse>();
    world.answer = answer.promise;
    world.reporter.reportNow();
    await world.pass(1_000);
    world.answer = Promise.resolve({ ...INTERVALS, isAwake: true });
    world.observation = { ...world.observation, wake: 1 };
    world.reporter.woke();
    answer.reject(new Error('the machine has slept'));
    await world.pass(0);
    assert.deepEqual(world.calls.slice(-2), ['reconnect', 'report 2']);
    assert.equal(world.reports.at(-1)?.wake, 1);
    await world.end();
  });

  it('does not take a refusal for the API', async () => {
    const world = start();
    await world.pass(100);
    assert.equal(world.reached, 2); // The registration and a report.
    world.error = new ApiError(403, 'This is not the session’s instance.');
    await world.pass(3_600_000);
    assert.equal(world.reached, 2);
    assert.equal(world.heard.length, 1);
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
  reports: ReportRequest[];
  /** What the gate has to say, and what it was told. */
  word: Word;
  heard: [Word, ReportResponse][];
  /** How often the API has accepted a call. */
  reached: number;
  answer: Promise<ReportResponse>;
  token: string;
  /** What the API answers with while it is set. */
  error: Error | undefined;
  observation: Observation;
  /** Somebody has set the wall clock by so many milliseconds. */
  clockIsSetBy: number;
  reporter: Reporter;
  pass(milliseconds: number): Promise<void>;
  end(): Promise<void>;
}

function start(): World {
  let now = 0;
  const timers = new Set<{ at: number; run: () => void }>();
  const clock = {
    now: () => now + world.clockIsSetBy,
    sinceBoot: () => now,
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
    clockIsSetBy: 0,
    lines,
    reports: [],
    word: { sleep: undefined, answer: undefined, version: 0 },
    heard: [],
    reached: 0,
    answer: Promise.resolve({ ...INTERVALS, isAwake: true }),
    token: '',
    error: undefined,
    observation: { wake: 0, gatewayReady: false, kernels: [] },
    reporter: new Reporter({
      api: {
        register: () => {
          world.calls.push('register');
          return Promise.resolve()
            .then(fail)
            .then(() => ({ accessToken: 'the token', ...INTERVALS }));
        },
        report: (report: ReportRequest) => {
          world.calls.push(`report ${report.sequence}`);
          world.reports.push(report);
          return Promise.resolve()
            .then(fail)
            .then(() => world.answer);
        },
        reconnect: () => world.calls.push('reconnect'),
      },
      agentVersion: '1',
      bootId: 'boot',
      observe: () => world.observation,
      gate: {
        word: () => world.word,
        heard: (word, answer) => world.heard.push([word, answer]),
      },
      onReached: () => (world.reached += 1),
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
