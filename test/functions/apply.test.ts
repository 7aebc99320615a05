// One claimed step, taken: in time or not at all, under the claim's own id, and what counts as done.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { apply } from '../../functions/apply.ts';
import { AppError } from '../../functions/errors.ts';
import { instanceLabels, instanceSpec } from '../../functions/instance.ts';
import { STEPS, type SessionRecord, type StepKind } from '../../functions/record.ts';
import { claimed, withInstance } from './plan-fixture.ts';
import { aRecord } from './store/store-contract.ts';
import { createWorld, IMAGES, type World } from './world.ts';

/** A session to which that step can be done, with its instance where it has one. */
async function ready(world: World, step: StepKind): Promise<SessionRecord> {
  const record = aRecord('a', { images: IMAGES, generation: 1 });
  if (step === 'insert') return record;
  await insertOther(world, record, instanceLabels(record));
  world.compute.calls.length = 0;
  return withInstance('RUNNING');
}

/** An instance of the session's name, by somebody else's call. */
async function insertOther(world: World, record: SessionRecord, labels: Record<string, string>) {
  const spec = instanceSpec(record, IMAGES, '', world.deps.config);
  await world.compute.insertInstance({ ...spec, labels }, 'of another');
  world.clock.advance(10);
}

/** @param leftSeconds from now to the claim's deadline */
async function take(world: World, record: SessionRecord, step: StepKind, leftSeconds: number) {
  const deadline = world.clock.now() + leftSeconds * 1000;
  return await apply(record, claimed(step, { deadline }), world.deps);
}

function callsOf(world: World): string[] {
  const { calls } = world.compute;
  return [...calls.map(({ verb, requestId }) => `${verb} ${requestId}`), ...world.grants.given];
}

describe('a step that is taken', () => {
  for (const step of STEPS) {
    it(`does nothing when its deadline does not leave the time for the call: ${step}`, async () => {
      using world = createWorld();
      const record = await ready(world, step);
      const { callSeconds } = world.deps.config;
      for (const leftSeconds of [callSeconds - 0.001, 0, -3600]) {
        assert.equal(await take(world, record, step, leftSeconds), undefined);
      }
      assert.deepEqual(callsOf(world), []);
    });

    it(`is one call, under the id of its claim: ${step}`, async () => {
      using world = createWorld();
      const record = await ready(world, step);
      assert.equal(await take(world, record, step, world.deps.config.callSeconds), undefined);
      const grant = ['you@example.com datalab-a-1:8888'];
      assert.deepEqual(callsOf(world), step === 'grant' ? grant : [`${step} r`]);
    });

    it(`answers what kept Google from taking it: ${step}`, async () => {
      using world = createWorld();
      const record = await ready(world, step);
      const refusal = new AppError('PERMISSION_DENIED', 'No.');
      Object.assign(step === 'grant' ? world.grants : world.compute, { refuseNext: refusal });
      assert.equal(await take(world, record, step, 60), refusal);
    });
  }
});

describe('"already exists"', () => {
  const record = aRecord('a', { images: IMAGES, generation: 1 });
  const ours = instanceLabels(record);
  const OTHERS: [string, Record<string, string>][] = [
    ['no labels', {}],
    ['the label of another session', { ...ours, 'datalab-session': 'b' }],
    ['the label of another generation', { ...ours, 'datalab-generation': '2' }],
  ];

  it('is success for an instance with our labels', async () => {
    using world = createWorld();
    await insertOther(world, record, ours);
    assert.equal(await take(world, record, 'insert', 60), undefined);
    assert.equal(world.compute.made.length, 1);
  });

  for (const [what, labels] of OTHERS) {
    it(`is a failure for one with ${what}`, async () => {
      using world = createWorld();
      await insertOther(world, record, labels);
      assert.equal((await take(world, record, 'insert', 60))?.code, 'ALREADY_EXISTS');
    });
  }

  it('is a failure for one that cannot be looked at', async () => {
    using world = createWorld();
    await insertOther(world, record, ours);
    world.compute.getInstance = () => Promise.reject(new AppError('UNAVAILABLE', 'down'));
    assert.equal((await take(world, record, 'insert', 60))?.code, 'ALREADY_EXISTS');
  });
});

describe('"not found"', () => {
  it('is success for a delete', async () => {
    using world = createWorld();
    const record = await ready(world, 'delete');
    world.compute.setStatus('gone');
    assert.equal(await take(world, record, 'delete', 60), undefined);
    assert.equal(callsOf(world).length, 1);
  });

  it('is a failure for an insert: something that it needs is not there', async () => {
    using world = createWorld();
    const refusal = new AppError('NOT_FOUND', 'no such network');
    world.compute.refuseNext = refusal;
    assert.equal(await take(world, await ready(world, 'insert'), 'insert', 60), refusal);
  });
});
