// Tables over `plan` while a step is claimed: who may do what before its outcome is known, and what comes of it.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Want } from '../../functions/contract.ts';
import { requestIdOf } from '../../functions/instance.ts';
import type { Observed } from '../../functions/observe.ts';
import { plan } from '../../functions/plan.ts';
import { STEPS, type SessionRecord, type StepKind } from '../../functions/record.ts';
import { isWanted, stateOf } from '../../functions/session.ts';
import { claimed, CONFIG, known, NOW, operation, seen, withInstance } from './plan-fixture.ts';
import { aRecord } from './store/store-contract.ts';
import { IMAGES } from './world.ts';

interface Case {
  step: StepKind;
  want: Want;
  /** Google's word before the step has begun; undefined: there is no instance. */
  before: string | undefined;
  /** … and once its operation has ended. */
  after: string | undefined;
  /** What somebody asks for meanwhile, and the step that this leads to. */
  opposing: [Want, StepKind][];
}

const CASES: readonly Case[] = [
  {
    ...{ step: 'insert', want: 'running', before: undefined, after: 'RUNNING' },
    opposing: [
      ['stopped', 'stop'],
      ['suspended', 'suspend'],
      ['deleted', 'delete'],
    ],
  },
  {
    ...{ step: 'start', want: 'running', before: 'TERMINATED', after: 'RUNNING' },
    opposing: [
      ['stopped', 'stop'],
      ['suspended', 'suspend'],
      ['deleted', 'delete'],
    ],
  },
  {
    ...{ step: 'resume', want: 'running', before: 'SUSPENDED', after: 'RUNNING' },
    opposing: [
      ['stopped', 'stop'],
      ['suspended', 'suspend'],
      ['deleted', 'delete'],
    ],
  },
  {
    ...{ step: 'suspend', want: 'suspended', before: 'RUNNING', after: 'SUSPENDED' },
    opposing: [
      ['running', 'resume'],
      ['stopped', 'stop'],
      ['deleted', 'delete'],
    ],
  },
  {
    ...{ step: 'stop', want: 'stopped', before: 'RUNNING', after: 'TERMINATED' },
    opposing: [
      ['running', 'start'],
      ['deleted', 'delete'],
    ],
  },
  // To be deleted is final: nothing opposes it.
  { step: 'delete', want: 'deleted', before: 'RUNNING', after: undefined, opposing: [] },
];

function recordOf({ step, before }: Case, overrides: Partial<SessionRecord> = {}): SessionRecord {
  const fields = { generation: 1, claim: claimed(step), ...overrides };
  if (before === undefined) return aRecord('a', { images: IMAGES, ...fields });
  return withInstance(before, fields);
}

function observed(status: string | undefined, more: Partial<Observed> = {}): Observed {
  return { instance: status === undefined ? 'absent' : seen(status), ...more };
}

function planned(record: SessionRecord, seenNow: Observed, now: number) {
  return plan(record, seenNow, now, CONFIG);
}

const DEADLINE = claimed('insert').deadline;
/** Nobody repeats a call then, since it would not fit any more. */
const LATE = DEADLINE - CONFIG.callSeconds * 1000 + 1;
const RUNNING = operation('running');
const DONE = operation('done');

for (const item of CASES) {
  const { step, want, before, after } = item;

  describe(`a ${step} that is claimed`, () => {
    for (const [asked, opposite] of item.opposing) {
      const record = recordOf(item, { want: asked });

      it(`is opposed by no ${opposite} before its deadline, whether or not Google shows it`, () => {
        for (const seenNow of [observed(before), observed(before, { operation: RUNNING })]) {
          const { step: taken, next } = planned(record, seenNow, DEADLINE);
          assert.equal(taken, undefined);
          assert.equal(next?.claim?.step, step);
        }
      });

      it(`is opposed by no ${opposite} before its operation has ended, however late`, () => {
        const seenNow = observed(before, { operation: RUNNING });
        const { step: taken, next } = planned(record, seenNow, DEADLINE + 3_600_000);
        assert.equal(taken, undefined);
        assert.equal(next?.claim?.step, step);
      });

      it(`makes way for ${opposite} when its operation has ended`, () => {
        const { step: taken } = planned(record, observed(after, { operation: DONE }), NOW + 5000);
        assert.equal(taken?.step, opposite);
      });

      it(`is not called again when ${asked} is asked for`, () => {
        assert.equal(planned(record, observed(before), NOW + 20_000).step, undefined);
      });
    }

    it('is given up after its deadline if Google knows nothing of it, and planned anew with the same id', () => {
      const record = recordOf(item, { want, attempt: 3, grantedFor: '1' });
      const { step: taken, next } = planned(record, observed(before), DEADLINE + 1);
      assert.equal(taken?.requestId, requestIdOf(record, step, 3));
      assert.equal(next?.want, want);
    });

    it('has the next id when its operation is done', () => {
      const record = recordOf(item, { want });
      const { next } = planned(record, observed(after, { operation: DONE }), NOW + 5000);
      if (step === 'delete') assert.equal(next, undefined);
      else assert.equal(next?.attempt, record.attempt + 1);
    });

    it('is called again, with the same id, when nobody can be waiting for the answer', () => {
      const record = recordOf(item, { want });
      const { callUntil, ...rest } = record.claim ?? claimed(step);
      assert.equal(planned(record, observed(before), callUntil - 1).step, undefined);
      const { step: repeated } = planned(record, observed(before), callUntil);
      assert.deepEqual(repeated, {
        ...rest,
        callUntil: callUntil + CONFIG.callSeconds * 1000 + 1000,
      });
      assert.equal(planned(record, observed(before), LATE).step, undefined, 'not when it is late');
      const seenNow = observed(before, { operation: RUNNING });
      assert.equal(planned(record, seenNow, callUntil).step, undefined, 'not when Google has it');
    });

    it('fails with the error of its operation, keeping what is there', () => {
      const error = { code: 'INTERNAL', message: 'It broke.' } as const;
      const record = recordOf(item, { want });
      const failed = operation('done', { error });
      const { next, step: taken } = planned(
        record,
        observed('RUNNING', { operation: failed }),
        NOW,
      );
      assert.deepEqual(next?.failure, error);
      assert.deepEqual(
        [next.attempt, next.claim, taken],
        [record.attempt + 1, undefined, undefined],
      );
    });
  });
}

describe('an instance that cannot be found', () => {
  const items = CASES.filter(({ before }) => before !== undefined);
  for (const item of items) {
    const record = recordOf(item, { want: item.want });
    const isGoneAt = (now: number, seenNow: Observed) => {
      const { next } = planned(record, seenNow, now);
      return next?.instance?.isGone !== false;
    };

    it(`is not believed to be gone while a ${item.step} is under way`, () => {
      assert.equal(isGoneAt(DEADLINE, observed(undefined)), false);
      const running = observed(undefined, { operation: RUNNING });
      assert.equal(isGoneAt(DEADLINE + 3_600_000, running), false);
    });

    it(`is believed to be gone when a ${item.step} can be under way no more`, () => {
      assert.equal(isGoneAt(DEADLINE + 1, observed(undefined)), true);
      assert.equal(isGoneAt(NOW, observed(undefined, { operation: DONE })), true);
    });
  }
});

describe('a generation', () => {
  it('is never inserted again once the id of its instance is known', () => {
    const record = withInstance('RUNNING', { instance: known('', true) });
    const { next, step } = planned(record, observed(undefined), NOW);
    assert.deepEqual([step?.step, next?.generation, next?.instance], ['insert', 2, undefined]);
    assert.equal(step?.requestId, requestIdOf({ uid: 'a', generation: 2 }, 'insert', 1));
  });

  it('is over when its instance was made and gone before anybody saw it', () => {
    const record = aRecord('a', { images: IMAGES, generation: 1, claim: claimed('insert') });
    const { next, step } = planned(record, observed(undefined, { operation: DONE }), NOW);
    assert.deepEqual([step?.step, next?.generation], ['insert', 2]);
  });

  it('is inserted again, under another id, when nothing of it was made', () => {
    const record = aRecord('a', { images: IMAGES, generation: 1, claim: claimed('insert') });
    const nothing = operation('done', { targetId: undefined });
    const { next, step } = planned(record, observed(undefined, { operation: nothing }), NOW);
    assert.deepEqual([step?.step, next?.generation], ['insert', 1]);
    assert.equal(step?.requestId, requestIdOf({ uid: 'a', generation: 1 }, 'insert', 2));
  });
});

describe('the answer to a call', () => {
  const refusal = {
    requestId: 'r',
    code: 'RESOURCE_EXHAUSTED',
    message: 'No.',
    isRetryable: false,
  } as const;
  const insert = aRecord('a', { images: IMAGES, generation: 1, claim: claimed('insert') });
  const answered = (record: SessionRecord, callTrouble: Observed['callTrouble'], now = NOW) =>
    planned(record, observed(undefined, { callTrouble }), now);

  it('that refuses ends the claim and fails at once', () => {
    const { next, step } = answered(insert, refusal);
    assert.deepEqual([next?.claim, step], [undefined, undefined]);
    assert.deepEqual(next?.failure, { code: 'RESOURCE_EXHAUSTED', message: 'No.' });
  });

  it('that is not certain keeps the claim, and is said when it was given up', () => {
    const { next } = answered(insert, { ...refusal, code: 'UNAVAILABLE', isRetryable: true });
    assert.deepEqual([next?.claim?.requestId, next?.failure], ['r', undefined]);
    const late = planned(next ?? insert, observed(undefined), DEADLINE + 1);
    assert.deepEqual([late.next?.failure?.code, late.step], ['UNAVAILABLE', undefined]);
  });

  it('that refuses after one that was not certain fails and keeps the claim: that call may still be taken', () => {
    const trouble = { code: 'UNAVAILABLE', message: '' } as const;
    const { next } = answered({ ...insert, claim: claimed('insert', { trouble }) }, refusal);
    assert.deepEqual([next?.claim?.step, next?.failure?.code], ['insert', 'RESOURCE_EXHAUSTED']);
  });

  it('is nothing to another claim', () => {
    const { next } = answered(insert, { ...refusal, requestId: 'of another' });
    assert.deepEqual([next?.claim, next?.failure], [insert.claim, undefined]);
  });

  it('that there is no room leads on to the next zone, and fails in the last', () => {
    const error = { code: 'RESOURCE_EXHAUSTED', message: 'Full.', isStockout: true } as const;
    const seenNow = observed(undefined, {
      operation: operation('done', { error, targetId: undefined }),
    });
    const spec = { ...insert.spec, fallbackZones: ['europe-west1-c'] };
    const first = planned({ ...insert, spec }, seenNow, NOW);
    assert.deepEqual(
      [first.step?.step, first.next?.zoneIndex, first.next?.generation],
      ['insert', 1, 1],
    );
    const last = planned({ ...insert, spec, zoneIndex: 1 }, seenNow, NOW);
    assert.deepEqual([last.step, last.next?.failure], [undefined, error]);
  });
});

describe('a step that is claimed', () => {
  it('shows at once as the state that it leads through', () => {
    const states = CASES.map((item) => [item.step, stateOf(recordOf(item, { want: item.want }))]);
    assert.deepEqual(Object.fromEntries(states), {
      insert: 'CREATING',
      start: 'STARTING',
      resume: 'RESUMING',
      suspend: 'SUSPENDING',
      stop: 'STOPPING',
      delete: 'DELETING',
    });
  });

  it('is one of those above, or a grant, which opposes nothing', () => {
    assert.deepEqual(new Set([...CASES.map(({ step }) => step), 'grant']), new Set(STEPS));
    for (const { step, want } of CASES) assert.ok(isWanted(step, want));
    const record = withInstance('RUNNING', { claim: claimed('grant'), want: 'stopped' });
    assert.equal(planned(record, observed('RUNNING'), NOW).step?.step, 'stop');
  });

  it('of a grant ends when the grant is seen, and is repeated until then', () => {
    const record = withInstance('RUNNING', { claim: claimed('grant') });
    const granted = planned(record, observed('RUNNING', { isGranted: true }), NOW);
    assert.deepEqual([granted.next?.claim, granted.next?.grantedFor], [undefined, '1']);
    const waiting = planned(record, observed('RUNNING', { isGranted: false }), NOW + 11_000);
    assert.equal(waiting.step?.requestId, 'r');
  });

  it('resumes the same boot: what may hold kernels goes on holding them', () => {
    for (const [status, step, mayHoldKernels] of [
      ['SUSPENDED', 'resume', true],
      ['TERMINATED', 'start', false],
    ] as const) {
      const record = withInstance(status, { mayHoldKernels: true });
      const { next, step: taken } = planned(record, observed(status), NOW);
      assert.deepEqual([taken?.step, next?.mayHoldKernels], [step, mayHoldKernels]);
    }
  });
});
