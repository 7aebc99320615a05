// Tables over the pure parts: what state a record is in, which report counts, what a requestId looks like.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { accessTokenOf } from '../../functions/access-token.ts';
import { withoutAgent, withRegistration, withReport } from '../../functions/agent-report.ts';
import { SESSION_STATES, type SessionState } from '../../functions/contract.ts';
import { parseImageName } from '../../functions/images.ts';
import { requestIdOf } from '../../functions/instance.ts';
import { revise } from '../../functions/revision.ts';
import { STEPS, type SessionRecord, type StepKind } from '../../functions/record.ts';
import { NEXT_STATES, stateOf } from '../../functions/session.ts';
import { aRecord } from './store/store-contract.ts';
import { testConfig } from './world.ts';

type Overrides = Partial<SessionRecord>;

function instance(status: string, overrides: object = {}): Overrides {
  const known = { id: '1', name: 'datalab-a-1', zone: 'z', status, hasRun: true, isGone: false };
  return { generation: 1, isWantPending: false, instance: { ...known, ...overrides } };
}

function claim(step: StepKind): Overrides {
  return { claim: { step, attempt: 1, requestId: 'r', deadline: 2, callUntil: 1 } };
}

const stopped = { want: 'stopped' } as const;
const asked = { isWantPending: true };
const report = { wake: 0, sequence: 1, gatewayReady: true, kernels: [], receivedAt: 0 };
const ready = { agent: { bootId: 'b', version: '1', report }, grantedFor: '1' };
const notReady = {
  agent: { bootId: 'b', version: '1', report: { ...report, gatewayReady: false } },
};

const CASES: readonly [string, Overrides, SessionState][] = [
  ['nothing was seen yet', {}, 'PENDING'],
  ['an insert is claimed', claim('insert'), 'CREATING'],
  [
    'an insert is claimed and the instance runs',
    { ...instance('RUNNING'), ...claim('insert') },
    'BOOTING',
  ],
  ['the instance comes up for the first time', instance('STAGING', { hasRun: false }), 'CREATING'],
  ['the instance comes up again', instance('STAGING'), 'STARTING'],
  ['Google has a new word for its status', instance('PONDERING'), 'STARTING'],
  ['no agent has reported', instance('RUNNING'), 'BOOTING'],
  ['the gateway does not answer', { ...instance('RUNNING'), ...notReady }, 'BOOTING'],
  ['the gateway answers', { ...instance('RUNNING'), ...ready }, 'READY'],
  [
    'its owner may not tunnel there yet',
    { ...instance('RUNNING'), ...ready, grantedFor: undefined },
    'BOOTING',
  ],
  ['its image is being built', { waitsForImage: 'gcr.io/p/x:latest' }, 'BUILDING_IMAGE'],
  [
    'a suspend was asked for',
    { ...instance('RUNNING'), ...ready, ...asked, want: 'suspended' },
    'SUSPENDING',
  ],
  [
    'a suspend is claimed',
    { ...instance('RUNNING'), ...ready, ...claim('suspend'), want: 'suspended' },
    'SUSPENDING',
  ],
  ['a right to tunnel is being granted', { ...instance('RUNNING'), ...claim('grant') }, 'BOOTING'],
  ['a stop was asked for', { ...instance('RUNNING'), ...ready, ...stopped, ...asked }, 'STOPPING'],
  [
    'a stop is claimed',
    { ...instance('RUNNING'), ...ready, ...stopped, ...claim('stop') },
    'STOPPING',
  ],
  [
    'start was asked for while a stop is claimed',
    { ...instance('RUNNING'), ...ready, ...claim('stop') },
    'STOPPING',
  ],
  ['it is stopped', { ...instance('TERMINATED'), ...stopped }, 'STOPPED'],
  ['a stop before there was anything', { ...stopped, ...asked }, 'STOPPED'],
  ['a stop while it is being made', { ...stopped, ...asked, ...claim('insert') }, 'STOPPING'],
  ['a start was asked for', { ...instance('TERMINATED'), ...asked }, 'STARTING'],
  ['a start is claimed', { ...instance('TERMINATED'), ...claim('start') }, 'STARTING'],
  ['it is suspended', { ...instance('SUSPENDED'), want: 'suspended' }, 'SUSPENDED'],
  ['a suspended one was asked to start', { ...instance('SUSPENDED'), ...asked }, 'RESUMING'],
  ['a resume is claimed', { ...instance('SUSPENDED'), ...claim('resume') }, 'RESUMING'],
  ['somebody is suspending it', instance('SUSPENDING'), 'SUSPENDING'],
  ['it is to be deleted', { ...instance('RUNNING'), ...ready, want: 'deleted' }, 'DELETING'],
  [
    'something failed',
    { ...instance('RUNNING'), failure: { code: 'INTERNAL', message: '' } },
    'FAILED',
  ],
  ['a delete failed', { want: 'deleted', failure: { code: 'INTERNAL', message: '' } }, 'FAILED'],
  [
    'the instance of a stopped one is gone',
    { ...instance('', { isGone: true }), ...stopped },
    'STOPPED',
  ],
];

describe('the state of a session', () => {
  for (const [what, overrides, state] of CASES) {
    it(`is ${state} when ${what}`, () => {
      assert.equal(stateOf(aRecord('a', overrides)), state);
    });
  }

  it('can be followed by known states only, and every state can be left', () => {
    assert.deepEqual(Object.keys(NEXT_STATES).sort(), [...SESSION_STATES].sort());
    for (const [state, next] of Object.entries(NEXT_STATES)) {
      assert.ok(next.length > 0, state);
      assert.ok(!next.includes(state as SessionState), `${state} follows itself`);
      assert.equal(new Set(next).size, next.length);
    }
  });
});

describe('reports', () => {
  const body = { bootId: 'b', wake: 0, sequence: 5, gatewayReady: true, kernels: [] };
  const registered = withRegistration(aRecord('a', instance('RUNNING')), {
    bootId: 'b',
    agentVersion: '1',
  });

  it('are ordered by wake, then sequence; older and repeated ones are dropped', () => {
    const first = withReport(registered, body, 1);
    assert.equal(withReport(first, body, 2), first);
    assert.equal(withReport(first, { ...body, sequence: 4 }, 2), first);
    const resumed = withReport(first, { ...body, wake: 1, sequence: 1 }, 2);
    assert.equal(resumed.agent?.report?.wake, 1);
    assert.equal(withReport(resumed, { ...body, sequence: 9 }, 3), resumed);
  });

  it('count for the boot that registered last', () => {
    const next = withRegistration(withReport(registered, body, 1), {
      bootId: 'c',
      agentVersion: '1',
    });
    assert.equal(next.agent?.report, undefined);
    assert.equal(withReport(next, { ...body, sequence: 6 }, 2), next);
    assert.equal(withRegistration(next, { bootId: 'b', agentVersion: '1' }), next, 'a late one');
  });

  it('do not bring a boot back that is over', () => {
    const off = withoutAgent(withReport(registered, body, 1));
    assert.equal(withReport(off, { ...body, sequence: 6 }, 2), off);
  });

  it('bump the revision for what a user can see only', () => {
    const kernel = { id: 'k', name: 'n', state: 'idle', connections: 0, idleSeconds: 1 } as const;
    const first = withReport(registered, { ...body, kernels: [kernel] }, 1);
    const idler = withReport(
      first,
      { ...body, sequence: 6, kernels: [{ ...kernel, idleSeconds: 9 }] },
      2,
    );
    assert.equal(revise(first, idler, 2, 900).revision, first.revision);
    assert.notEqual(revise(first, idler, 2, 900), first, 'it is saved all the same');
    const busy = withReport(
      first,
      { ...body, sequence: 6, kernels: [{ ...kernel, state: 'busy' }] },
      2,
    );
    assert.equal(revise(first, busy, 2, 900).revision, first.revision + 1);
    assert.equal(revise(first, { ...first, failure: undefined }, 2, 900), first, 'nothing changed');
  });
});

describe('derived names', () => {
  it('makes another valid requestId for each step, attempt, generation and session', () => {
    const ids = STEPS.flatMap((step) =>
      [1, 2].flatMap((attempt) =>
        [1, 2].flatMap((generation) =>
          ['a', 'b'].map((uid) => requestIdOf({ uid, generation }, step, attempt)),
        ),
      ),
    );
    assert.equal(new Set(ids).size, ids.length);
    for (const id of ids) {
      assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    }
    assert.equal(requestIdOf({ uid: 'a', generation: 1 }, 'insert', 1), ids[0]);
  });

  it('makes another access token for each session, generation and key', () => {
    const keys = [7, 8].map((byte) => Buffer.alloc(32, byte).toString('base64url'));
    const { tokenKeys } = testConfig({
      SESSION_TOKEN_KEYS: JSON.stringify({ 1: keys[0], 2: keys[1] }),
    });
    assert.equal(tokenKeys.currentVersion, 2);
    const of = (uid: string, generation: number, keyVersion: number) =>
      accessTokenOf({ uid, generation, keyVersion }, tokenKeys);
    const tokens = [of('a', 1, 1), of('a', 2, 1), of('b', 1, 1), of('a', 1, 2)];
    assert.equal(new Set(tokens).size, 4);
    for (const token of tokens) assert.match(token, /^[\w-]{43}$/);
    assert.throws(() => of('a', 1, 3), { code: 'FAILED_PRECONDITION' });
  });

  it('reads names of images', () => {
    const cases = [
      ['gcr.io/p/name', 'gcr.io', 'p/name', 'latest'],
      ['gcr.io/p/name:v1', 'gcr.io', 'p/name', 'v1'],
      ['localhost:5000/name', 'localhost:5000', 'name', 'latest'],
      ['gcr.io/p/name:v1@sha256:00', 'gcr.io', 'p/name', 'sha256:00'],
    ] as const;
    for (const [image, host, repository, reference] of cases) {
      assert.deepEqual(parseImageName(image), { host, repository, reference });
    }
  });
});
