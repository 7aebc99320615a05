// The Firestore store on Google's own emulator when the network, or Google, fails it.
import assert from 'node:assert/strict';
import { after, before, describe, it, type TestContext } from 'node:test';
import type { ErrorCode } from '../../../functions/contract.ts';
import { AppError } from '../../../functions/errors.ts';
import { openFirestoreStore } from '../../../functions/store/firestore.ts';
import {
  newProjectId,
  skipWithoutFirestoreEmulator,
  startFirestoreEmulator,
  type FirestoreEmulator,
} from '../../helpers/firestore-emulator.ts';
import { startFirestoreProxy, type GrpcStatus } from '../../helpers/firestore-proxy.ts';
import { until } from '../../helpers/until.ts';
import { anImage } from './image-contract.ts';
import { aRecord } from './store-contract.ts';

/**
 * What the emulator never says, in Google's words, and whether the client tries a commit again that was answered so.
 * A 404 or 409 of ours would be news of a session.
 */
const REFUSALS: readonly { status: GrpcStatus; code: ErrorCode; isCommitRepeated: boolean }[] = [
  {
    status: { code: 5, message: 'The database (default) does not exist for project p' },
    code: 'FAILED_PRECONDITION',
    isCommitRepeated: false,
  },
  {
    status: { code: 7, message: 'Missing or insufficient permissions.' },
    code: 'PERMISSION_DENIED',
    isCommitRepeated: false,
  },
  {
    status: { code: 8, message: 'Quota exceeded.' },
    code: 'RESOURCE_EXHAUSTED',
    isCommitRepeated: true,
  },
  {
    status: { code: 9, message: 'The query requires an index.' },
    code: 'FAILED_PRECONDITION',
    isCommitRepeated: false,
  },
  {
    status: { code: 10, message: 'Too much contention on these documents.' },
    code: 'UNAVAILABLE',
    isCommitRepeated: true,
  },
  {
    status: { code: 13, message: 'Internal error.' },
    code: 'UNAVAILABLE',
    isCommitRepeated: false,
  },
  {
    status: { code: 14, message: 'The service is currently unavailable.' },
    code: 'UNAVAILABLE',
    isCommitRepeated: true,
  },
  {
    status: { code: 16, message: 'Request had invalid authentication credentials.' },
    code: 'PERMISSION_DENIED',
    isCommitRepeated: false,
  },
];
const RETRYABLE: readonly ErrorCode[] = ['RESOURCE_EXHAUSTED', 'UNAVAILABLE'];

let emulator: FirestoreEmulator;

describe('the Firestore store, let down', { skip: skipWithoutFirestoreEmulator() }, () => {
  before(async () => {
    // Where there is no metadata server the client need not look for one.
    process.env['METADATA_SERVER_DETECTION'] = 'none';
    emulator = await startFirestoreEmulator();
    process.env['FIRESTORE_EMULATOR_HOST'] = emulator.host;
  });

  after(async () => {
    await emulator.stop();
  });

  describe('the Firestore store: lost replies', () => {
    describeLostReplies();
  });

  describe('the Firestore store: refusals', () => {
    describeRefusals();
  });

  describe('the Firestore store: no answer', () => {
    describeSilence();
  });
});

/** What is written is written; the answer never comes, and the client asks again and meets its own write. */
function describeLostReplies(): void {
  it('takes its own save for its own', async (t) => {
    const { store, direct, proxy } = await openBehindProxy(t);
    const record = await store.create(aRecord('a'));
    proxy.loseNextCommit();
    const saved = await store.save({ ...record, revision: 2, want: 'deleted' });
    assert.equal(proxy.lost(), 1);
    assert.equal(saved?.revision, 2);
    assert.deepEqual(await direct.get('a'), saved);
    assert.equal(await direct.findByName('1', 'default'), undefined);
  });

  it('takes for a conflict what others have saved on top', async (t) => {
    const { store, direct, proxy } = await openBehindProxy(t);
    const record = await store.create(aRecord('a'));
    proxy.loseNextCommit(async () => {
      const found = await direct.get('a');
      assert.equal(found?.revision, 2);
      assert.ok(await direct.save({ ...found, revision: 3 }));
    });
    assert.equal(await store.save({ ...record, revision: 2 }), undefined);
    assert.equal((await direct.get('a'))?.revision, 3);
  });

  it('answers the session that it has created, even if it was changed since', async (t) => {
    const { store, direct, proxy } = await openBehindProxy(t);
    proxy.loseNextCommit();
    const created = await store.create(aRecord('a'));
    assert.equal(proxy.lost(), 1);
    assert.deepEqual(await direct.get('a'), created);
    assert.deepEqual(await direct.findByName('1', 'default'), created);
    proxy.loseNextCommit(() => direct.takeDue(1000, 8000, 10));
    const other = await store.create(aRecord('b', { name: 'other' }));
    assert.deepEqual(await direct.get('b'), other);
    assert.equal(other.dueAt, 8000);
  });

  it('knows that it has removed one, and that somebody else has', async (t) => {
    const { store, direct, proxy } = await openBehindProxy(t);
    const record = await store.create(aRecord('a'));
    proxy.loseNextCommit();
    assert.equal(await store.remove(record, 9000), true);
    assert.equal(proxy.lost(), 1);
    assert.equal(await direct.get('a'), undefined);
    const other = await store.create(aRecord('b'));
    assert.equal(await direct.remove(other, 9000), true);
    assert.equal(await store.remove(other, 9000), false);
  });

  it('hands out what it has taken', async (t) => {
    const { store, direct, proxy } = await openBehindProxy(t);
    await store.create(aRecord('a', { dueAt: 1000 }));
    proxy.loseNextCommit();
    assert.deepEqual(await store.takeDue(1000, 8000, 10), ['a']);
    assert.equal(proxy.lost(), 1);
    assert.deepEqual(await direct.takeDue(1000, 8000, 10), []);
  });

  it('holds the lease that it has got, and has given back what it gave back', async (t) => {
    const { store, direct, proxy } = await openBehindProxy(t);
    proxy.loseNextCommit();
    assert.equal(await store.takeLease('a', 'me', 1000, 2000), true);
    assert.equal(await direct.takeLease('a', 'you', 1000, 2000), false);
    proxy.loseNextCommit(() => direct.takeLease('a', 'you', 1000, 2000));
    await store.releaseLease('a', 'me');
    assert.equal(proxy.lost(), 2);
    assert.equal(await store.takeLease('a', 'me', 1000, 2000), false);
  });

  it('takes its own image for its own', async (t) => {
    const { store, direct, proxy } = await openBehindProxy(t);
    proxy.loseNextCommit();
    const image = await store.createImage(anImage());
    assert.deepEqual(await direct.getImage(image.name), image);
    proxy.loseNextCommit();
    const saved = await store.saveImage({ ...image, attempt: 2 });
    assert.equal(proxy.lost(), 2);
    assert.deepEqual(await direct.getImage(image.name), saved);
  });
}

function describeRefusals(): void {
  for (const { status, code, isCommitRepeated } of REFUSALS) {
    it(`says ${code} when Firestore says "${status.message}"`, async (t) => {
      const { store, proxy } = await openBehindProxy(t, 2);
      const record = await store.create(aRecord('a'));
      proxy.answerWith(status);
      const calls: Promise<unknown>[] = [
        store.get('a'),
        store.findByName('1', 'default'),
        store.list({ size: 1 }),
        store.remove(record, 9000),
        store.takeDue(1000, 8000, 1),
        store.takeLease('a', 'me', 1000, 2000),
        // What is repeated goes on for minutes, and this process with it.
        ...(isCommitRepeated
          ? []
          : [store.create(aRecord('b', { name: 'b' })), store.save(record)]),
      ];
      for (const result of await Promise.allSettled(calls)) {
        assert.ok(result.status === 'rejected' && result.reason instanceof AppError);
        assert.equal(result.reason.code, code);
        assert.equal(result.reason.isRetryable, RETRYABLE.includes(code));
      }
    });
  }

  it('saves when Firestore comes back within the bound', async (t) => {
    const { store, proxy } = await openBehindProxy(t);
    const record = await store.create(aRecord('a'));
    proxy.answerWith({ code: 14, message: 'The service is currently unavailable.' });
    const saving = store.save({ ...record, revision: 2 });
    await until('it was asked twice', () => proxy.refused() >= 2);
    proxy.answerWith(undefined);
    assert.equal((await saving)?.revision, 2);
  });
}

function describeSilence(): void {
  it('ends in time with an error that says to try again, and never overwrites what came after', async (t) => {
    const projectId = newProjectId();
    const impatient = openFirestoreStore({ projectId, callSeconds: 1 });
    const record = await impatient.create(aRecord('a'));
    emulator.freeze();
    t.after(() => {
      emulator.thaw();
    });
    const begin = performance.now();
    const calls = [impatient.save({ ...record, revision: 2 }), impatient.list({ size: 1 })];
    for (const result of await Promise.allSettled(calls)) {
      assert.ok(result.status === 'rejected' && result.reason instanceof AppError);
      assert.equal(result.reason.code, 'UNAVAILABLE');
      assert.ok(result.reason.isRetryable);
    }
    assert.ok(performance.now() - begin < 10_000);
    emulator.thaw();
    const store = openFirestoreStore({ projectId });
    // What was given up on may come true, once, and what was saved from the same version is then refused.
    const late = await until('the late save', async () => {
      const found = await store.get('a');
      return found?.revision === 2 && found;
    });
    assert.equal(await store.save({ ...record, revision: 3 }), undefined);
    assert.ok(await store.save({ ...late, revision: 3 }));
  });
}

async function openBehindProxy(t: TestContext, callSeconds = 10) {
  const projectId = newProjectId();
  const proxy = await startFirestoreProxy(emulator.port);
  t.after(() => {
    proxy.stop();
  });
  process.env['FIRESTORE_EMULATOR_HOST'] = proxy.host;
  const store = openFirestoreStore({ projectId, callSeconds });
  try {
    // The client reads the address at its first call.
    await store.get('a');
  } finally {
    process.env['FIRESTORE_EMULATOR_HOST'] = emulator.host;
  }
  return { store, direct: openFirestoreStore({ projectId }), proxy };
}
