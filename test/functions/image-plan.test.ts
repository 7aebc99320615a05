// Tables over `planImage`: when Cloud Build is asked for a build, by whom, and when it is not.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { BuildClaim, ImageRecord } from '../../functions/image-record.ts';
import { planImage, type ImageObserved, type SeenBuild } from '../../functions/image-plan.ts';
import { NOW } from './plan-fixture.ts';
import { anImage } from './store/image-contract.ts';
import { testConfig } from './world.ts';

const CONFIG = testConfig();
const TAG = 'datalab-image-gcr.io-p-datalab-gateway-latest-1';
const NEXT_TAG = TAG.replace(/1$/, '2');
const DEADLINE = NOW + CONFIG.buildClaimSeconds * 1000;
const CALL_UNTIL = NOW + CONFIG.callSeconds * 1000;
const FAILURE = { sourceHash: 's1', code: 'FAILED_PRECONDITION', message: 'x', at: 0 } as const;

/** An image that nobody has asked for, but a session needs. */
function image(overrides: Partial<ImageRecord> = {}): ImageRecord {
  return anImage({ isBuildWanted: false, ...overrides });
}

function claim(overrides: Partial<BuildClaim> = {}): Partial<ImageRecord> {
  return { claim: { tag: TAG, deadline: DEADLINE, callUntil: CALL_UNTIL, ...overrides } };
}

function known(status: string, overrides: object = {}): Partial<ImageRecord> {
  return { attempt: 2, build: { id: 'b', tag: TAG, status, ...overrides } };
}

function seen(status: string, overrides: Partial<SeenBuild> = {}): SeenBuild {
  return { id: 'b', status, tags: ['theirs', TAG], ...overrides };
}

interface Case {
  record?: Partial<ImageRecord>;
  build?: SeenBuild;
  trouble?: ImageObserved['callTrouble'];
  source?: string;
  isThere?: boolean;
  /** After NOW, in ms. */
  at?: number;
}

function planned({ record, build, trouble, source = 's1', isThere = false, at = 0 }: Case) {
  const observed = { build, sourceHash: source, callTrouble: trouble };
  return planImage(image(record), observed, isThere, NOW + at, CONFIG);
}

const TROUBLE = { tag: TAG, code: 'PERMISSION_DENIED', message: 'No.', isCertain: true } as const;
const LEASE = CONFIG.buildClaimSeconds * 1000;
const SUCCESS = { digest: 'sha256:1', endedAt: NOW };

/** What Cloud Build is asked for: a tag, or nothing. */
const CASES: readonly [what: string, tag: string | undefined, Case][] = [
  ['nothing is known of it', TAG, {}],
  ['it is there', undefined, { isThere: true }],
  [
    'it is there, and somebody wants another',
    TAG,
    { isThere: true, record: { isBuildWanted: true } },
  ],
  ['its build was claimed', undefined, { record: claim() }],
  ['… until its lease ends', undefined, { record: claim(), at: LEASE }],
  ['… and its lease is over', TAG, { record: claim(), at: LEASE + 1 }],
  [
    '… but a build has its tag',
    undefined,
    { record: claim(), at: LEASE + 1, build: seen('WORKING') },
  ],
  [
    '… and a build has another tag',
    TAG,
    { record: claim(), at: LEASE + 1, build: seen('WORKING', { tags: [] }) },
  ],
  [
    'the answer was lost',
    undefined,
    { record: claim(), trouble: { ...TROUBLE, isCertain: false } },
  ],
  ['it was refused', undefined, { record: claim(), trouble: TROUBLE }],
  [
    'it was not taken just now',
    undefined,
    { record: claim({ isUntaken: true }), at: CALL_UNTIL - NOW },
  ],
  [
    'it was not taken a while ago',
    TAG,
    { record: claim({ isUntaken: true }), at: CALL_UNTIL - NOW + 1 },
  ],
  ['its build waits', undefined, { record: known('QUEUED'), build: seen('QUEUED') }],
  ['its build runs', undefined, { record: known('WORKING'), build: seen('WORKING') }],
  [
    'its build is in a state that nobody knows',
    undefined,
    { record: known('STATUS_UNKNOWN'), build: seen('STATUS_UNKNOWN') },
  ],
  ['its build has just ended well', undefined, { record: known('SUCCESS', SUCCESS), at: 599_999 }],
  [
    'its build ended well and the image is gone since',
    NEXT_TAG,
    { record: known('SUCCESS', SUCCESS), at: 600_000 },
  ],
  ['its build has failed', undefined, { record: { ...known('FAILURE'), failure: FAILURE } }],
  [
    '… for good: hours ago',
    undefined,
    { record: { ...known('FAILURE'), failure: FAILURE }, at: 86_400_000 },
  ],
  [
    '… and the source is another',
    NEXT_TAG,
    { record: { ...known('FAILURE'), failure: FAILURE }, source: 's2' },
  ],
  [
    '… and somebody asks',
    NEXT_TAG,
    { record: { ...known('FAILURE'), failure: FAILURE, isBuildWanted: true } },
  ],
];

describe('a build of an image', () => {
  for (const [what, tag, item] of CASES) {
    it(`is ${tag === undefined ? 'not asked for' : `asked for as ${tag.at(-1) ?? ''}`} when ${what}`, () => {
      const { next, claim: asked } = planned(item);
      assert.equal(asked?.tag, tag);
      if (tag === undefined) return;
      const now = NOW + (item.at ?? 0);
      const [deadline, callUntil] = [now + LEASE, now + CONFIG.callSeconds * 1000];
      assert.deepEqual(asked, { tag, deadline, callUntil });
      assert.equal(next.claim, asked, 'it is leased in the record before it is asked for');
    });
  }

  it('is leased for longer than any function may run, and than a call', () => {
    // The longest limit of docs/backend.md.
    assert.ok(CONFIG.buildClaimSeconds > 120);
    assert.throws(() => testConfig({ BUILD_CLAIM_SECONDS: '120' }), /BUILD_CLAIM_SECONDS/);
  });
});

describe('what is seen of a build', () => {
  it('with the tag of the claim is the claim’s, whoever has asked for it', () => {
    const { next } = planned({
      record: { ...claim(), isBuildWanted: true },
      build: seen('WORKING'),
    });
    assert.deepEqual([next.claim, next.build?.id, next.attempt], [undefined, 'b', 2]);
    assert.equal(next.isBuildWanted, false, 'what was asked for is under way');
  });

  it('with another tag is none of ours', () => {
    const { next } = planned({ record: claim(), build: seen('SUCCESS', { tags: ['theirs'] }) });
    assert.deepEqual(next, image(claim()));
  });

  it('that has ended well is the image, before the registry shows it', () => {
    const build = seen('SUCCESS', { digest: 'sha256:1' });
    const { next, digest, claim: asked } = planned({ record: known('WORKING'), build });
    assert.deepEqual([digest, next.failure, asked], ['sha256:1', undefined, undefined]);
    const wanted = planned({ record: { ...next, isBuildWanted: true } });
    assert.equal(wanted.digest, undefined, 'but not when somebody wants another');
  });

  for (const status of ['FAILURE', 'INTERNAL_ERROR', 'TIMEOUT', 'CANCELLED', 'EXPIRED']) {
    it(`that has ended with ${status} is recorded with the hash of its source`, () => {
      const { next, claim: asked } = planned({ record: known('WORKING'), build: seen(status) });
      assert.equal(next.failure?.sourceHash, 's1');
      assert.match(next.failure.message, new RegExp(`ended with ${status}`));
      assert.equal(asked, undefined);
    });
  }

  it('that Cloud Build does not know any more has failed', () => {
    const { next, claim: asked } = planned({ record: known('WORKING') });
    assert.deepEqual([next.build, next.failure?.code, asked], [undefined, 'NOT_FOUND', undefined]);
  });
});

describe('the answer of Cloud Build', () => {
  it('that refuses is recorded with the hash of the source, and ends the claim', () => {
    const { next } = planned({ record: { ...claim(), isBuildWanted: true }, trouble: TROUBLE });
    const failure = { sourceHash: 's1', code: 'PERMISSION_DENIED', message: 'No.', at: NOW };
    assert.deepEqual([next.failure, next.claim, next.isBuildWanted], [failure, undefined, false]);
  });

  it('that was lost leaves the claim as it is: the call may still be taken', () => {
    const { next } = planned({ record: claim(), trouble: { ...TROUBLE, isCertain: false } });
    assert.deepEqual(next, image(claim()));
  });

  it('that it took nothing now lets the same tag be asked for in a moment', () => {
    const trouble = { ...TROUBLE, code: 'RESOURCE_EXHAUSTED' } as const;
    const { next } = planned({ record: claim(), trouble });
    const callUntil = NOW + 5000;
    assert.deepEqual(next.claim, { tag: TAG, deadline: DEADLINE, callUntil, isUntaken: true });
    assert.equal(planned({ record: next, at: 5001 }).claim?.tag, TAG);
  });

  it('to another claim says nothing', () => {
    const { next } = planned({ record: claim(), trouble: { ...TROUBLE, tag: 'another' } });
    assert.deepEqual(next, image(claim()));
  });
});

describe('the build of an extension', () => {
  const source = { kind: 'requirements', hash: 'h1', base: 'b@sha256:1', isOnBase: true } as const;
  const extension = { ...source, text: 'numpy\n' };
  const wanted = { isBuildWanted: true, extension };

  it('is asked for though the image is there, with its text until Cloud Build has it', () => {
    const { next, claim: asked } = planned({ isThere: true, record: wanted });
    assert.deepEqual([asked?.tag, next.extension], [TAG, extension]);
    const again = planned({ isThere: true, record: next, at: LEASE + 1 });
    assert.deepEqual([again.claim?.tag, again.next.extension], [TAG, extension]);
    const taken = planned({ isThere: true, record: next, build: seen('QUEUED') }).next;
    assert.deepEqual([taken.extension, taken.build?.extension], [undefined, source]);
    assert.deepEqual([taken.isBuildWanted, taken.claim], [false, undefined]);
  });

  it('is remembered as what the last build was, until the next one', () => {
    const record = known('WORKING', { extension: source });
    const done = planned({ isThere: true, record, build: seen('SUCCESS', { digest: 'sha256:2' }) });
    assert.deepEqual([done.next.build?.extension, done.digest], [source, 'sha256:2']);
    const plain = { ...done.next, ...claim({ tag: NEXT_TAG }) };
    const taken = planned({ record: plain, build: seen('QUEUED', { id: 'c', tags: [NEXT_TAG] }) });
    assert.equal(taken.next.build?.extension, undefined);
  });

  for (const [how, item] of [
    ['ends badly', { record: known('WORKING', { extension: source }), build: seen('FAILURE') }],
    ['is forgotten by Cloud Build', { record: known('WORKING', { extension: source }) }],
    ['is refused', { record: { ...wanted, ...claim() }, trouble: TROUBLE }],
  ] as const) {
    it(`that ${how} has failed under its own hash: the plain image may still be built`, () => {
      const { next, claim: asked } = planned({ isThere: true, ...item });
      assert.equal(next.failure?.sourceHash, 'h1');
      assert.deepEqual([asked, next.extension, next.isBuildWanted], [undefined, undefined, false]);
      assert.equal(planned({ isThere: true, record: next }).claim, undefined);
      assert.notEqual(planned({ record: next }).claim, undefined, 'once the image is gone');
    });
  }
});
