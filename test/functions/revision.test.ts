// What a save holds besides the change: whether it is one, whether a user could see it, and when to look again.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { z } from 'zod';
import { registerRequest, reportRequest } from '../../functions/contract.ts';
import type { SessionRecord } from '../../functions/record.ts';
import { revise } from '../../functions/revision.ts';
import { claimed, NOW, withInstance } from './plan-fixture.ts';
import { aRecord } from './store/store-contract.ts';

const BOOT_SECONDS = 900;
const MINUTE = 60_000;
const failure = { code: 'INTERNAL', message: 'x' } as const;
const report = { wake: 0, sequence: 1, gatewayReady: true, kernels: [], receivedAt: NOW };
const ready = { agent: { bootId: 'b', version: '1', report }, grantedFor: '1', activeAt: NOW };
const settled = { isWantPending: false } as const;
const sleep = { nonce: 'n', by: 'suspend', askedAt: NOW } as const;

function revised(after: SessionRecord): SessionRecord {
  return revise({ ...after, dueAt: undefined, attempt: 99 }, after, NOW, BOOT_SECONDS);
}

/** When it is due, in ms after NOW; undefined: never, since nothing is under way. */
const DUE: readonly [string, number | undefined, SessionRecord][] = [
  ['a step is claimed', 11_000, withInstance('RUNNING', { claim: claimed('stop') })],
  ['it waits for its image', MINUTE, aRecord('a')],
  ['what was asked for is not reached', MINUTE, withInstance('RUNNING', { want: 'stopped' })],
  ['somebody else is stopping it', MINUTE, withInstance('STOPPING', settled)],
  ['it boots', BOOT_SECONDS * 1000, withInstance('RUNNING', { ...settled, bootingSince: NOW })],
  [
    'it is in use, unless its agent falls silent',
    300_000,
    withInstance('RUNNING', { ...settled, ...ready }),
  ],
  [
    'its agent was asked to sleep',
    180_000,
    withInstance('RUNNING', { ...settled, ...ready, sleep }),
  ],
  [
    'its agent has agreed',
    MINUTE,
    withInstance('RUNNING', {
      ...settled,
      ...ready,
      sleep: { ...sleep, agreedUntil: NOW + MINUTE },
    }),
  ],
  [
    'its lifetime ends',
    5000,
    withInstance('RUNNING', { ...settled, ...ready, lifetimeEndsAt: NOW + 5000 }),
  ],
  ['it is suspended', undefined, withInstance('SUSPENDED', { ...settled, want: 'suspended' })],
  ['it is stopped', undefined, withInstance('TERMINATED', { ...settled, want: 'stopped' })],
  [
    'it has failed, and may hold kernels',
    undefined,
    withInstance('RUNNING', { failure, bootingSince: NOW, mayHoldKernels: true, grantedFor: '1' }),
  ],
  [
    'it has failed, and runs without ever having held a kernel',
    (BOOT_SECONDS + 1800) * 1000,
    withInstance('RUNNING', { failure, bootingSince: NOW }),
  ],
];

describe('a save holds when to look again, if this process dies now', () => {
  for (const [what, milliseconds, record] of DUE) {
    it(`${milliseconds === undefined ? 'never' : `after ${milliseconds / 1000} s`} when ${what}`, () => {
      const { dueAt } = revised(record);
      assert.equal(dueAt === undefined ? undefined : dueAt - NOW, milliseconds);
    });
  }
});

describe('a session in which nothing changed', () => {
  it('is the same record, which nobody saves', () => {
    const before = withInstance('RUNNING', ready);
    const after = { ...before, failure: undefined, spec: { ...before.spec } };
    assert.equal(revise(before, after, NOW, BOOT_SECONDS), before);
  });
});

describe('what comes from outside', () => {
  it('is bounded in the timeline: 50 entries, of 600 characters each', () => {
    let record = aRecord('a');
    for (let count = 0; count < 60; count += 1) {
      const message = `${count} ${'x'.repeat(2000)}`;
      const next = { ...record, failure: { ...failure, message } };
      record = revise(record, next, NOW, BOOT_SECONDS);
    }
    assert.equal(record.timeline.length, 50);
    assert.match(record.timeline.at(-1)?.message ?? '', /^FAILED: 59 x/);
    for (const { message } of record.timeline) assert.ok(message.length <= 600);
  });

  it('is bounded in what agents send, every string and every list', () => {
    for (const schema of [registerRequest, reportRequest]) {
      for (const [path, part] of partsOf(z.toJSONSchema(schema))) {
        const isBounded = part['maxLength'] !== undefined || part['enum'] !== undefined;
        if (part['type'] === 'string') assert.ok(isBounded, path);
        if (part['type'] === 'array') assert.ok(part['maxItems'] !== undefined, path);
      }
    }
  });

  it('is durations, not times: the clocks of machine and API differ', () => {
    const names = [...partsOf(z.toJSONSchema(reportRequest))].map(([path]) => path);
    assert.ok(names.some((name) => name.endsWith('idleSeconds')));
    for (const name of names) assert.doesNotMatch(name, /(At|Time|Until|Timestamp)$/);
  });
});

type Part = Readonly<Record<string, unknown>>;

/** A JSON schema's own parts with their paths. */
function* partsOf(part: unknown, path = ''): Generator<[string, Part]> {
  if (typeof part !== 'object' || part === null) return;
  yield [path, part as Part];
  const { properties, items } = part as { properties?: Record<string, unknown>; items?: unknown };
  for (const [name, inner] of Object.entries(properties ?? {}))
    yield* partsOf(inner, `${path}.${name}`);
  yield* partsOf(items, `${path}[]`);
}
