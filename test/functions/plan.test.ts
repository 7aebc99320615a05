// Tables over `plan`: what is done to an instance, for every want and every phase, and what is never done to it.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { WANTS, type Want } from '../../functions/contract.ts';
import type { Observed, SeenInstance } from '../../functions/observe.ts';
import { plan } from '../../functions/plan.ts';
import { STEPS, type SessionRecord, type StepKind } from '../../functions/record.ts';
import { revise } from '../../functions/revision.ts';
import { phaseOf, stateOf, type Phase } from '../../functions/session.ts';
import { CONFIG, known, NOW, seen, withInstance } from './plan-fixture.ts';
import { aRecord } from './store/store-contract.ts';
import { IMAGES } from './world.ts';

/** Google's word for each phase that an instance can be seen in. */
const STATUS = {
  rising: 'STAGING',
  running: 'RUNNING',
  stopping: 'STOPPING',
  stopped: 'TERMINATED',
  suspending: 'SUSPENDING',
  suspended: 'SUSPENDED',
} as const;
const PHASES: readonly Phase[] = [
  'none',
  'gone',
  ...Object.keys(STATUS).map((key) => key as Phase),
];

/** A record whose instance is in that phase, and what is seen of it now. */
function inPhase(phase: Phase, overrides: Partial<SessionRecord>): [SessionRecord, Observed] {
  if (phase === 'none') return [aRecord('a', { images: IMAGES, ...overrides }), ABSENT];
  if (phase === 'gone')
    return [withInstance('', { ...overrides, instance: known('', true) }), ABSENT];
  return [withInstance(STATUS[phase], overrides), { instance: seen(STATUS[phase]) }];
}

const ABSENT: Observed = { instance: 'absent' };

/** The step that is planned; or what becomes of the record instead. */
function outcome([record, observed]: [SessionRecord, Observed]): string {
  const { next, step } = plan(record, observed, NOW, CONFIG);
  if (!next) return 'removed';
  assert.equal(step, next.claim, 'what is done is what is claimed');
  if (step) return step.step;
  if (next.failure) return `FAILED ${next.failure.code}`;
  return next.want === record.want ? 'nothing' : `want ${next.want}`;
}

const LOST = 'FAILED NOT_FOUND';

/** By want, then by phase. */
const ASKED: Record<
  Want,
  Record<Phase, StepKind | 'nothing' | 'removed' | 'want stopped' | typeof LOST>
> = {
  running: {
    none: 'insert',
    rising: 'nothing',
    running: 'grant',
    stopping: 'nothing',
    stopped: 'start',
    suspending: 'nothing',
    suspended: 'resume',
    gone: 'insert',
  },
  suspended: {
    none: 'want stopped',
    rising: 'nothing',
    running: 'suspend',
    stopping: 'nothing',
    stopped: 'want stopped',
    suspending: 'nothing',
    suspended: 'nothing',
    gone: LOST,
  },
  stopped: {
    none: 'nothing',
    rising: 'stop',
    running: 'stop',
    stopping: 'nothing',
    stopped: 'nothing',
    suspending: 'nothing',
    suspended: 'stop',
    gone: 'nothing',
  },
  deleted: {
    none: 'removed',
    rising: 'delete',
    running: 'delete',
    stopping: 'delete',
    stopped: 'delete',
    suspending: 'delete',
    suspended: 'delete',
    gone: 'removed',
  },
};

describe('what is asked for', () => {
  for (const want of WANTS) {
    for (const phase of PHASES) {
      const expected = ASKED[want][phase];
      it(`leads to ${expected} when it is ${want}, and the instance ${phase}`, () => {
        assert.equal(outcome(inPhase(phase, { want })), expected);
      });
    }
  }

  it('has a case for every step', () => {
    const planned = new Set<string>(Object.values(ASKED).flatMap((row) => Object.values(row)));
    for (const step of STEPS) assert.ok(planned.has(step), step);
  });
});

/** Where the instance was, and has left without our doing: by what was wanted, then by the phase it is in now. */
const LEFT: readonly [Exclude<Want, 'deleted'>, Phase, string][] = [
  ['running', 'none', LOST],
  ['running', 'gone', LOST],
  ['running', 'rising', 'nothing'],
  ['running', 'stopping', 'nothing'],
  ['running', 'stopped', 'want stopped'],
  ['running', 'suspending', 'nothing'],
  ['running', 'suspended', 'want suspended'],
  ['suspended', 'gone', LOST],
  ['suspended', 'rising', 'nothing'],
  ['suspended', 'running', 'grant'],
  ['suspended', 'stopped', 'want stopped'],
  ['stopped', 'gone', 'nothing'],
  ['stopped', 'rising', 'nothing'],
  ['stopped', 'running', 'grant'],
  ['stopped', 'suspended', 'want suspended'],
];

describe('what others have done to the instance', () => {
  for (const [want, phase, expected] of LEFT) {
    it(`is not fought: ${expected} when it was ${want} and is ${phase}`, () => {
      assert.equal(outcome(inPhase(phase, { want, isWantPending: false })), expected);
    });
  }
});

describe('an instance', () => {
  it('is not asked for before its images are pinned', () => {
    const record = aRecord('a');
    assert.equal(outcome([record, ABSENT]), 'nothing');
    const building = { kind: 'building', image: 'gcr.io/p/x:latest' } as const;
    const waiting = plan(record, { ...ABSENT, images: building }, NOW, CONFIG).next;
    assert.ok(waiting);
    assert.equal(stateOf(waiting), 'BUILDING_IMAGE');
    const pinned = plan(
      waiting,
      { ...ABSENT, images: { kind: 'pinned', images: IMAGES } },
      NOW,
      CONFIG,
    );
    assert.equal(pinned.step?.step, 'insert');
    assert.equal(pinned.next?.waitsForImage, undefined);
  });

  it('fails with the build that it waits for', () => {
    const trouble = { code: 'FAILED_PRECONDITION', message: 'the build failed' } as const;
    const failed = plan(
      aRecord('a'),
      { ...ABSENT, images: { kind: 'failed', trouble } },
      NOW,
      CONFIG,
    );
    assert.deepEqual(failed.next?.failure, trouble);
    assert.equal(failed.step, undefined);
  });

  it('needs no second grant for its owner, and another instance one of its own', () => {
    const [record, observed] = inPhase('running', { grantedFor: '1' });
    assert.equal(outcome([record, observed]), 'nothing');
    assert.equal(outcome([{ ...record, grantedFor: '2' }, observed]), 'grant');
    assert.equal(
      outcome([
        { ...record, grantedFor: '2' },
        { ...observed, isGranted: true },
      ]),
      'nothing',
    );
  });

  it('is stopped by its agent alone when that has agreed to', () => {
    const sleep = {
      nonce: 'n',
      by: 'stop',
      askedAt: NOW,
      toldAt: NOW,
      agreedUntil: NOW + 60_000,
    } as const;
    const [record, observed] = inPhase('running', { sleep, isWantPending: false });
    const { next, step } = plan(record, observed, NOW, CONFIG);
    assert.deepEqual([next?.want, next?.isWantPending, step], ['stopped', true, undefined]);
  });

  it('is suspended within what its agent has agreed to, and not when too little is left for the call', () => {
    const outcomeWith = (leftSeconds: number) => {
      const agreedUntil = NOW + leftSeconds * 1000;
      const sleep = { nonce: 'n', by: 'suspend', askedAt: 0, toldAt: 0, agreedUntil } as const;
      const [record, observed] = inPhase('running', {
        sleep,
        grantedFor: '1',
        isWantPending: false,
      });
      return plan(record, observed, NOW, CONFIG);
    };
    const { step, next } = outcomeWith(CONFIG.callSeconds);
    assert.equal(step?.step, 'suspend');
    assert.equal(
      step.deadline,
      NOW + CONFIG.callSeconds * 1000,
      'the claim ends with the agreement',
    );
    assert.equal(next?.want, 'suspended');
    assert.equal(outcomeWith(CONFIG.callSeconds - 0.001).step, undefined);
  });
});

describe('a session that has failed', () => {
  const failure = { code: 'INTERNAL', message: 'x' } as const;
  const boot = NOW - (CONFIG.bootTimeoutSeconds + 1800) * 1000;

  for (const phase of PHASES) {
    it(`keeps instance and disk once the gateway has run: ${phase}`, () => {
      const [record, observed] = inPhase(phase, {
        ...{ failure, mayHoldKernels: true, bootingSince: boot - 86_400_000, grantedFor: '1' },
        isWantPending: false,
      });
      const { next, step } = plan(record, observed, NOW, CONFIG);
      assert.equal(step, undefined);
      assert.deepEqual(next?.failure, failure);
    });
  }

  it('is stopped, never deleted, when its gateway has never answered for boot time and idle time', () => {
    const [record, observed] = inPhase('running', {
      failure,
      bootingSince: boot,
      isWantPending: false,
    });
    assert.equal(outcome([record, observed]), 'stop');
    assert.equal(outcome([{ ...record, bootingSince: boot + 1 }, observed]), 'FAILED INTERNAL');
  });

  it('is deleted when its owner asks', () => {
    const [record, observed] = inPhase('running', { want: 'deleted', mayHoldKernels: true });
    assert.equal(outcome([record, observed]), 'delete');
  });
});

describe('what is seen of an instance', () => {
  it('is noted: its id, where it is, how it is called there', () => {
    const elsewhere: SeenInstance = { ...seen('STAGING'), zone: 'europe-west1-c' };
    const [record] = inPhase('none', { generation: 1 });
    const { next } = plan(record, { instance: elsewhere }, NOW, CONFIG);
    assert.equal(phaseOf(next?.instance), 'rising');
    assert.deepEqual([next?.instance?.id, next?.instance?.zone], ['1', 'europe-west1-c']);
  });

  it('begins the idle time when it runs, however long that took', () => {
    const [record] = inPhase('suspended', {});
    const { next } = plan(record, { instance: seen('RUNNING') }, NOW, CONFIG);
    assert.equal(next?.activeAt, NOW);
  });

  it('changes nothing when it is the same', () => {
    const [record, observed] = inPhase('running', {
      grantedFor: '1',
      isWantPending: false,
      bootingSince: NOW,
    });
    const { next } = plan(record, observed, NOW, CONFIG);
    assert.ok(next);
    assert.equal(revise(record, next, NOW, CONFIG.bootTimeoutSeconds), record);
  });
});
