// Tables over what API and agent say to each other about sleep: nonces, how long an agreement holds, who acts on it.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { IdleAction } from '../../functions/contract.ts';
import type { SessionRecord, SleepTalk } from '../../functions/record.ts';
import { judgeSleep, sleepWords, withSleepAnswer, withSleepTold } from '../../functions/sleep.ts';
import { claimed, CONFIG, NOW, withInstance } from './plan-fixture.ts';

const SECOND = 1000;
const report = { wake: 0, sequence: 1, gatewayReady: true, kernels: [], receivedAt: NOW };

/** READY, and idle for longer than it may be. */
function idle(overrides: Partial<SessionRecord> = {}): SessionRecord {
  const agent = { bootId: 'b', version: '1', report };
  return withInstance('RUNNING', { isWantPending: false, agent, grantedFor: '1', ...overrides });
}

function asked(overrides: Partial<SleepTalk> = {}): SessionRecord {
  return idle({ sleep: { nonce: 'n', by: 'suspend', askedAt: NOW, toldAt: NOW, ...overrides } });
}

const yes = { nonce: 'n', isAgreed: true, forSeconds: 60 };
const no = { nonce: 'n', isAgreed: false, forSeconds: 0 };

describe('a nonce', () => {
  it('is another one for every question, of every generation and session', () => {
    const nonces = new Set<string | undefined>();
    for (const uid of ['a', 'b']) {
      for (const generation of [1, 2]) {
        let record = idle({ uid, generation });
        for (let round = 0; round < 3; round += 1) {
          record = judgeSleep({ ...record, sleep: undefined }, NOW, CONFIG);
          nonces.add(record.sleep?.nonce);
        }
      }
    }
    assert.equal(nonces.size, 12);
    assert.ok(!nonces.has(undefined));
  });

  it('is good for its own question only', () => {
    const record = asked();
    for (const nonce of ['of another question', '']) {
      assert.equal(withSleepAnswer(record, { ...yes, nonce }, NOW), record);
      assert.equal(withSleepAnswer(record, { ...no, nonce }, NOW), record);
    }
    assert.ok(withSleepAnswer(record, yes, NOW).sleep?.agreedUntil);
  });

  it('is not good before it was told to anybody', () => {
    const record = asked({ toldAt: undefined });
    assert.equal(withSleepAnswer(record, yes, NOW), record);
  });

  it('is good once: an agreement that is repeated holds no longer', () => {
    const agreed = withSleepAnswer(asked(), { ...yes, forSeconds: 30 }, NOW);
    assert.equal(withSleepAnswer(agreed, { ...yes, forSeconds: 600 }, NOW + 20 * SECOND), agreed);
    const refused = withSleepAnswer(agreed, no, NOW);
    assert.equal(refused.sleep, undefined);
    assert.equal(withSleepAnswer(refused, yes, NOW), refused);
  });

  it('is asked anew when no answer came, and nothing is done meanwhile', () => {
    const record = asked();
    assert.equal(judgeSleep(record, NOW + 179 * SECOND, CONFIG), record);
    const again = judgeSleep(record, NOW + 180 * SECOND, CONFIG);
    assert.notEqual(again.sleep?.nonce, 'n');
    assert.deepEqual([again.want, again.isWantPending], ['running', false]);
  });
});

describe('an agreement', () => {
  it('holds from when the agent was told, not from when its answer came', () => {
    const record = withSleepTold(asked({ toldAt: undefined }), NOW);
    assert.equal(withSleepTold(record, NOW + SECOND), record, 'the first time counts');
    const agreed = withSleepAnswer(record, yes, NOW + 50 * SECOND);
    assert.equal(agreed.sleep?.agreedUntil, NOW + 60 * SECOND);
  });

  /** By whom it is acted on, after how many seconds, and what is wanted then. */
  const CASES: readonly [IdleAction, number, SessionRecord['want'], string?][] = [
    ['suspend', 0, 'suspended'],
    ['suspend', 50, 'suspended'],
    ['suspend', 51, 'running'],
    ['stop', 0, 'stopped', 'switchOff'],
    ['stop', 59, 'stopped', 'switchOff'],
    ['stop', 61, 'running'],
    ['delete', 0, 'stopped', 'switchOff'],
    ['delete', 61, 'running'],
  ];
  for (const [by, seconds, want, action] of CASES) {
    it(`to ${by} after ${seconds} of its 60 s: ${want}, ${action ?? 'nothing'} is said`, () => {
      const now = NOW + seconds * SECOND;
      const judged = judgeSleep(asked({ by, agreedUntil: NOW + 60 * SECOND }), now, CONFIG);
      assert.equal(judged.want, want);
      const words = sleepWords(judged, now);
      assert.equal(words.sleep?.action, action);
      assert.equal(words.isAwake, want === 'running');
    });
  }

  it('to stop is waited for when its time is over: the machine may be going', () => {
    const agreed = asked({ by: 'stop', agreedUntil: NOW + 60 * SECOND });
    const stopping: SessionRecord = { ...agreed, want: 'stopped', isWantPending: true };
    const late = NOW + 61 * SECOND;
    assert.equal(judgeSleep(stopping, late, CONFIG).want, 'stopped');
    assert.equal(sleepWords(stopping, late).sleep, undefined, 'it is not told so any more');
    assert.equal(judgeSleep(stopping, NOW + 181 * SECOND, CONFIG).want, 'running');
  });
});

describe('an instance whose agent has agreed to a delete', () => {
  const sleep = {
    nonce: 'n',
    by: 'delete',
    askedAt: NOW,
    toldAt: NOW,
    agreedUntil: NOW + 1,
  } as const;
  const DELETED = { TERMINATED: true, STOPPING: false, SUSPENDED: false, STAGING: false };
  for (const [status, isDeleted] of Object.entries(DELETED)) {
    it(`is ${isDeleted ? '' : 'not '}deleted when it is ${status}`, () => {
      const record = withInstance(status, { want: 'stopped', sleep });
      assert.equal(judgeSleep(record, NOW, CONFIG).want, isDeleted ? 'deleted' : 'stopped');
    });
  }

  it('is not deleted when it was started meanwhile, or when it had agreed to a stop', () => {
    const started = withInstance('TERMINATED', { want: 'running', sleep });
    assert.equal(judgeSleep(started, NOW, CONFIG).want, 'running');
    const stopped = withInstance('TERMINATED', {
      want: 'stopped',
      sleep: { ...sleep, by: 'stop' },
    });
    assert.equal(judgeSleep(stopped, NOW, CONFIG).want, 'stopped');
  });
});

describe('what the agent hears', () => {
  it('is "awake" when the session is to run, and neither agreed nor being suspended', () => {
    assert.equal(sleepWords(idle(), NOW).isAwake, true);
    assert.equal(sleepWords(asked(), NOW).isAwake, true, 'its own answer counts');
    assert.equal(sleepWords(asked({ agreedUntil: NOW + 1 }), NOW).isAwake, false);
    assert.equal(sleepWords(idle({ claim: claimed('suspend') }), NOW).isAwake, false);
    assert.equal(sleepWords(idle({ claim: claimed('grant') }), NOW).isAwake, true);
    for (const want of ['suspended', 'stopped', 'deleted'] as const) {
      assert.equal(sleepWords(idle({ want }), NOW).isAwake, false);
    }
  });
});
