// What every store must do, as tests that take the store's factory: each implementation calls this.
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { SessionRecord } from '../../../functions/record.ts';
import type { ImageStore } from '../../../functions/store/image-store.ts';
import type { SessionStore } from '../../../functions/store/session-store.ts';
import { describeImages } from './image-contract.ts';

export type Store = SessionStore & ImageStore;

export interface StoreUnderTest {
  store: Store;
  /** Changes what is stored of a session as text, past the store. */
  rewrite: (uid: string, change: (text: string) => string) => Promise<void>;
}

/** An empty one for every test. */
export type OpenStore = (t: TestContext) => StoreUnderTest;

const YOU = { subject: '1', email: 'you@example.com' };
const OTHER = { subject: '2', email: 'other@example.com' };
const MANY = Array.from({ length: 50 }, (_, index) => index);

/** One that has every field which has a default, as it comes back from a store. */
export function aRecord(uid: string, overrides: Partial<SessionRecord> = {}): SessionRecord {
  const { createdAt = 1000 } = overrides;
  return {
    uid,
    version: '',
    revision: 1,
    name: 'default',
    owner: YOU,
    want: 'running',
    isWantPending: true,
    generation: 0,
    attempt: 1,
    spec: {
      zone: 'europe-west1-b',
      machineType: 'e2-standard-4',
      diskSizeGb: 50,
      fallbackZones: [],
      spot: false,
      labels: {},
      idleTimeoutSeconds: 1800,
      idleAction: 'suspend',
    },
    zoneIndex: 0,
    mayHoldKernels: false,
    pastBootIds: [],
    keyVersion: 1,
    createdAt,
    updatedAt: createdAt,
    usedAt: createdAt,
    activeAt: createdAt,
    sleepCount: 0,
    dueAt: createdAt,
    timeline: [{ at: createdAt, message: 'PENDING: asked for' }],
    ...overrides,
  };
}

export function describeStore(kind: string, open: OpenStore): void {
  describe(`the ${kind} store: one record`, () => {
    describeRecords(open);
  });
  describe(`the ${kind} store: many writers`, () => {
    describeWriters(open);
  });
  describe(`the ${kind} store: names`, () => {
    describeNames(open);
  });
  describe(`the ${kind} store: sessions that are gone`, () => {
    describeTombstones(open);
  });
  describe(`the ${kind} store: lists`, () => {
    describeLists(open);
  });
  describe(`the ${kind} store: what is due`, () => {
    describeDue(open);
  });
  describe(`the ${kind} store: leases`, () => {
    describeLeases(open);
  });
  describe(`the ${kind} store: images`, () => {
    describeImages(open);
  });
}

function describeRecords(open: OpenStore): void {
  it('gives back what was stored', async (t) => {
    const { store } = open(t);
    const record = aRecord('a', { failure: { code: 'INTERNAL', message: 'x' } });
    const created = await store.create(record);
    assert.notEqual(created.version, '');
    assert.deepEqual({ ...created, version: '' }, record);
    assert.deepEqual(await store.get('a'), created);
    assert.equal(await store.get('b'), undefined);
  });

  it('takes undefined for a field that is not there, and forgets one that has become undefined', async (t) => {
    const { store } = open(t);
    const nothing = { failure: undefined, claim: undefined, waitsForImage: undefined };
    const record = await store.create(aRecord('a', { ...nothing, awakeUntil: 5000 }));
    const { version } = record;
    assert.deepEqual(await store.get('a'), { ...aRecord('a'), version, awakeUntil: 5000 });
    const saved = await store.save({ ...record, awakeUntil: undefined, dueAt: undefined });
    const found = await store.get('a');
    assert.ok(saved && found);
    assert.ok(!('awakeUntil' in found) && !('dueAt' in found));
    assert.equal(found.version, saved.version);
  });

  it('ignores what a newer version has added to a record', async (t) => {
    const { store, rewrite } = open(t);
    await store.create(aRecord('a'));
    await rewrite('a', (text) => text.replace('{', '{"invented":{"later":[[1]]},'));
    const found = await store.get('a');
    assert.ok(found);
    assert.deepEqual({ ...found, version: '' }, aRecord('a'));
  });

  it('saves only what was made from the present version', async (t) => {
    const { store } = open(t);
    const record = await store.create(aRecord('a'));
    const saved = await store.save({ ...record, revision: 2 });
    assert.ok(saved);
    assert.notEqual(saved.version, record.version);
    assert.deepEqual(await store.get('a'), saved);
    assert.equal(await store.save({ ...record, revision: 3 }), undefined);
    assert.deepEqual(await store.get('a'), saved);
  });

  it('saves nothing that it has not stored or has removed', async (t) => {
    const { store } = open(t);
    const record = await store.create(aRecord('a'));
    assert.equal(await store.save(aRecord('a')), undefined);
    assert.equal(await store.save({ ...record, uid: 'b' }), undefined);
    assert.equal(await store.save({ ...record, version: 'not one of ours' }), undefined);
    assert.equal(await store.remove(record, 9000), true);
    assert.equal(await store.save(record), undefined);
    assert.equal(await store.remove(record, 9000), false);
    assert.equal(await store.get('a'), undefined);
  });

  it('counts a save that changes nothing', async (t) => {
    const { store } = open(t);
    const record = await store.create(aRecord('a'));
    const saved = await store.save(record);
    assert.ok(saved);
    assert.deepEqual(await store.get('a'), saved);
    assert.equal(await store.save(record), undefined);
    assert.ok(await store.save(saved));
  });
}

function describeWriters(open: OpenStore): void {
  it('lets exactly one of many savers win', async (t) => {
    const { store } = open(t);
    const record = await store.create(aRecord('a'));
    const saves = MANY.map((attempt) => store.save({ ...record, attempt }));
    const won = (await Promise.all(saves)).filter((saved) => saved !== undefined);
    assert.equal(won.length, 1);
    assert.deepEqual(await store.get('a'), won[0]);
  });

  it('loses no change when many read, change and save until they succeed', async (t) => {
    const { store } = open(t);
    await store.create(aRecord('a', { revision: 0 }));
    const increment = async (): Promise<void> => {
      const record = await store.get('a');
      assert.ok(record);
      if (!(await store.save({ ...record, revision: record.revision + 1 }))) await increment();
    };
    const begin = performance.now();
    await Promise.all(MANY.map(increment));
    assert.equal((await store.get('a'))?.revision, MANY.length);
    const seconds = (performance.now() - begin) / 1000;
    t.diagnostic(`${MANY.length} contending saves: ${seconds.toFixed(1)} s`);
    // With transactions it was 94 s.
    assert.ok(seconds < 30, `took ${seconds} s`);
  });
}

function describeNames(open: OpenStore): void {
  it('points a name to one session, and answers the one that has it', async (t) => {
    const { store } = open(t);
    const first = await store.create(aRecord('a'));
    assert.deepEqual(await store.create(aRecord('b')), first);
    assert.equal(await store.get('b'), undefined);
    assert.deepEqual(await store.findByName('1', 'default'), first);
    assert.equal(await store.findByName('2', 'default'), undefined);
    assert.equal((await store.create(aRecord('c', { owner: OTHER }))).uid, 'c');
    assert.equal((await store.create(aRecord('d', { name: 'more' }))).uid, 'd');
  });

  it('makes one session of many creations at once', async (t) => {
    const { store } = open(t);
    const made = await Promise.all(MANY.map((index) => store.create(aRecord(`uid${index}`))));
    assert.equal(new Set(made.map(({ uid }) => uid)).size, 1);
    assert.deepEqual(await store.list({ size: 100 }), made.slice(0, 1));
  });

  it('frees the name of a session to be deleted, and keeps it for the one that has it then', async (t) => {
    const { store } = open(t);
    const record = await store.create(aRecord('a'));
    const deleted = await store.save({ ...record, want: 'deleted' });
    assert.equal(await store.findByName('1', 'default'), undefined);
    const later = await store.create(aRecord('b'));
    assert.equal(later.uid, 'b');
    assert.ok(deleted);
    const again = await store.save({ ...deleted, attempt: 2 });
    assert.deepEqual(await store.findByName('1', 'default'), later);
    assert.ok(again);
    assert.equal(await store.remove(again, 9000), true);
    assert.deepEqual(await store.findByName('1', 'default'), later);
  });

  it('frees the name of a session that is removed, and not that of one whose removal comes too late', async (t) => {
    const { store } = open(t);
    const old = await store.create(aRecord('a'));
    const saved = await store.save(old);
    assert.equal(await store.remove(old, 9000), false);
    assert.equal(await store.save({ ...old, want: 'deleted' }), undefined);
    assert.equal((await store.findByName('1', 'default'))?.uid, 'a');
    assert.ok(saved);
    assert.equal(await store.remove(saved, 9000), true);
    assert.equal(await store.findByName('1', 'default'), undefined);
    assert.equal((await store.create(aRecord('b'))).uid, 'b');
  });
}

function describeTombstones(open: OpenStore): void {
  it('remembers a removed session until the tombstone expires', async (t) => {
    const { store } = open(t);
    const record = await store.create(aRecord('a', { owner: OTHER }));
    assert.equal(await store.findTombstone('a', 0), undefined);
    assert.equal(await store.remove(record, 9000), true);
    const tombstone = { uid: 'a', ownerSubject: '2', record, expireAt: 9000 };
    assert.deepEqual(await store.findTombstone('a', 8999), tombstone);
    assert.equal(await store.findTombstone('a', 9000), undefined);
    assert.equal(await store.findTombstone('b', 0), undefined);
    assert.deepEqual(await store.list({ size: 10 }), []);
    assert.deepEqual(await store.takeDue(8000, 9000, 10), []);
  });

  it('lets exactly one of many removers win', async (t) => {
    const { store } = open(t);
    const record = await store.create(aRecord('a'));
    const removed = await Promise.all(MANY.map((index) => store.remove(record, 9000 + index)));
    assert.equal(removed.filter(Boolean).length, 1);
    const tombstone = await store.findTombstone('a', 8000);
    assert.equal(tombstone?.expireAt, 9000 + removed.indexOf(true));
  });
}

function describeLists(open: OpenStore): void {
  it('lists oldest first, a page at a time, of one owner or of all', async (t) => {
    const { store } = open(t);
    await store.create(aRecord('b', { name: 'one', createdAt: 2000 }));
    await store.create(aRecord('a', { name: 'two', createdAt: 2000 }));
    await store.create(aRecord('c', { name: 'three', createdAt: 1000, owner: OTHER }));
    const uids = async (page: Parameters<SessionStore['list']>[0]) =>
      (await store.list(page)).map(({ uid }) => uid);
    assert.deepEqual(await uids({ size: 10 }), ['c', 'a', 'b']);
    assert.deepEqual(await uids({ size: 2 }), ['c', 'a']);
    assert.deepEqual(await uids({ size: 2, after: { createdAt: 2000, uid: 'a' } }), ['b']);
    assert.deepEqual(await uids({ size: 2, after: { createdAt: 2000, uid: '' } }), ['a', 'b']);
    assert.deepEqual(await uids({ size: 2, after: { createdAt: 2000, uid: 'a/b' } }), ['b']);
    assert.deepEqual(await uids({ size: 10, ownerSubject: '1' }), ['a', 'b']);
    assert.deepEqual(await uids({ size: 10, ownerSubject: '3' }), []);
    const page = { size: 1, ownerSubject: '1', after: { createdAt: 1000, uid: 'c' } };
    assert.deepEqual(await uids(page), ['a']);
  });

  it('pages through sessions of the same moment without missing or repeating one', async (t) => {
    const { store } = open(t);
    await Promise.all(
      MANY.map((index) => store.create(aRecord(`uid${index}`, { name: `n${index}` }))),
    );
    const seen: string[] = [];
    for (let after: { createdAt: number; uid: string } | undefined; ;) {
      const page = await store.list({ size: 7, after });
      seen.push(...page.map(({ uid }) => uid));
      after = page.at(-1);
      if (page.length < 7) break;
    }
    assert.deepEqual(seen, MANY.map((index) => `uid${index}`).sort());
  });

  it('lists the sessions that wait for an image', async (t) => {
    const { store } = open(t);
    const waitsForImage = 'gcr.io/p/datalab-gateway:latest';
    const waiting = await store.create(aRecord('a', { name: 'one', waitsForImage }));
    await store.create(aRecord('b', { name: 'two', waitsForImage }));
    await store.create(aRecord('c', { name: 'three', waitsForImage: 'gcr.io/p/other:latest' }));
    await store.create(aRecord('d', { name: 'four' }));
    assert.deepEqual((await store.listWaitingFor(waitsForImage, 10)).sort(), ['a', 'b']);
    assert.equal((await store.listWaitingFor(waitsForImage, 1)).length, 1);
    await store.save({ ...waiting, waitsForImage: undefined });
    assert.deepEqual(await store.listWaitingFor(waitsForImage, 10), ['b']);
  });
}

function describeDue(open: OpenStore): void {
  const makeDue = async (store: Store) => {
    await store.create(aRecord('late', { name: 'one', dueAt: 3000 }));
    await store.create(aRecord('early', { name: 'two', dueAt: 1000 }));
    await store.create(aRecord('middle', { name: 'three', dueAt: 2000 }));
    await store.create(aRecord('future', { name: 'four', dueAt: 3001 }));
    await store.create(aRecord('never', { name: 'five', dueAt: undefined }));
  };

  it('hands out the earliest first, as many as asked for, each once until it is due again', async (t) => {
    const { store } = open(t);
    await makeDue(store);
    assert.deepEqual(await store.takeDue(3000, 8000, 2), ['early', 'middle']);
    assert.deepEqual(await store.takeDue(3000, 8000, 2), ['late']);
    assert.deepEqual(await store.takeDue(3000, 8000, 2), []);
    assert.deepEqual(await store.takeDue(7999, 9000, 10), ['future']);
    const again = await store.takeDue(8000, 9000, 10);
    assert.deepEqual(again.sort(), ['early', 'late', 'middle']);
  });

  it('shows in the record when it is due again, and refuses what was loaded before', async (t) => {
    const { store } = open(t);
    const before = await store.create(aRecord('a', { dueAt: 1000 }));
    assert.deepEqual(await store.takeDue(1000, 8000, 1), ['a']);
    const after = await store.get('a');
    assert.ok(after);
    assert.deepEqual({ ...after, version: before.version }, { ...before, dueAt: 8000 });
    assert.equal(await store.save(before), undefined);
    assert.ok(await store.save({ ...after, dueAt: 500 }));
    assert.deepEqual(await store.takeDue(500, 8000, 1), ['a']);
  });

  it('gives no session to two who ask at once', async (t) => {
    const { store } = open(t);
    const make = (index: number) => store.create(aRecord(`uid${index}`, { name: `n${index}` }));
    await Promise.all(MANY.map(make));
    const taken = await Promise.all(MANY.map(() => store.takeDue(2000, 8000, 10)));
    const uids = taken.flat();
    assert.equal(new Set(uids).size, uids.length);
    while (uids.length < MANY.length) {
      const more = await store.takeDue(2000, 8000, 10);
      assert.notDeepEqual(more, []);
      uids.push(...more);
    }
    assert.equal(new Set(uids).size, MANY.length);
  });

  it('is not held up by a record that nobody can read', async (t) => {
    const { store, rewrite } = open(t);
    await makeDue(store);
    await rewrite('early', () => 'not a record');
    await assert.rejects(store.get('early'));
    assert.deepEqual(await store.takeDue(3000, 8000, 10), ['early', 'middle', 'late']);
    assert.deepEqual(await store.takeDue(3000, 8000, 10), []);
  });
}

function describeLeases(open: OpenStore): void {
  it('gives a lease to one holder until it is over or given back', async (t) => {
    const { store } = open(t);
    assert.equal(await store.takeLease('a', 'me', 1000, 2000), true);
    assert.equal(await store.takeLease('a', 'you', 1500, 2500), false);
    assert.equal(await store.takeLease('a', 'me', 1500, 2500), true);
    assert.equal(await store.takeLease('b', 'you', 1500, 2500), true);
    await store.releaseLease('a', 'you');
    assert.equal(await store.takeLease('a', 'you', 2499, 3000), false);
    assert.equal(await store.takeLease('a', 'you', 2500, 3000), true);
    await store.releaseLease('a', 'you');
    assert.equal(await store.takeLease('a', 'me', 2500, 3000), true);
    await store.releaseLease('never taken', 'me');
  });

  it('gives it to exactly one of many who ask at once, free or expired', async (t) => {
    const { store } = open(t);
    const holders = MANY.map((index) => `holder${index}`);
    for (const now of [1000, 2000]) {
      const taken = await Promise.all(
        holders.map((holder) => store.takeLease('a', holder, now, now + 1000)),
      );
      assert.equal(taken.filter(Boolean).length, 1);
    }
  });

  it('ends with the session', async (t) => {
    const { store } = open(t);
    const record = await store.create(aRecord('a'));
    await store.takeLease('a', 'me', 1000, 2000);
    await store.remove(record, 9000);
    assert.equal(await store.takeLease('a', 'you', 1500, 2500), true);
  });
}
