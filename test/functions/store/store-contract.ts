// What every SessionStore must do, as tests that take the store's factory: each implementation calls this.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { newSession } from '../../../functions/intent.ts';
import type { SessionRecord } from '../../../functions/record.ts';
import type { SessionStore } from '../../../functions/store/session-store.ts';
import { testConfig } from '../world.ts';

type OpenStore = () => SessionStore & Disposable;

const YOU = { subject: '1', email: 'you@example.com' };

export function aRecord(uid: string, overrides: Partial<SessionRecord> = {}): SessionRecord {
  const { owner = YOU, name = 'default', createdAt = 1000 } = overrides;
  return { ...newSession(uid, owner, { name }, createdAt, testConfig()), ...overrides };
}

export function describeStore(kind: string, open: OpenStore): void {
  describe(`the ${kind} store: one record`, () => {
    it('gives back what was stored', async () => {
      using store = open();
      const record = aRecord('a', { failure: { code: 'INTERNAL', message: 'x' } });
      await store.create(record);
      assert.deepEqual(await store.get('a'), record);
      assert.equal(await store.get('b'), undefined);
    });

    it('saves only what was made from the present version', async () => {
      using store = open();
      const record = await store.create(aRecord('a'));
      const saved = await store.save({ ...record, revision: 2 });
      assert.equal(saved?.version, record.version + 1);
      assert.equal(await store.save({ ...record, revision: 3 }), undefined);
      assert.equal((await store.get('a'))?.revision, 2);
      assert.equal(await store.remove(record), false);
      assert.equal(await store.remove(saved), true);
      assert.equal(await store.save(saved), undefined);
      assert.equal(await store.get('a'), undefined);
    });

    it('lets exactly one of many savers win', async () => {
      using store = open();
      const record = await store.create(aRecord('a'));
      const numbers = Array.from({ length: 20 }, (_, index) => index);
      const saves = numbers.map((attempt) => store.save({ ...record, attempt }));
      const won = (await Promise.all(saves)).filter((saved) => saved !== undefined);
      assert.equal(won.length, 1);
      assert.equal((await store.get('a'))?.attempt, won[0]?.attempt);
    });
  });

  describe(`the ${kind} store: names`, () => {
    it('points a name to one session, and answers the one that has it', async () => {
      using store = open();
      await store.create(aRecord('a'));
      assert.equal((await store.create(aRecord('b'))).uid, 'a');
      assert.equal(await store.get('b'), undefined);
      assert.equal((await store.findByName('1', 'default'))?.uid, 'a');
      assert.equal(await store.findByName('2', 'default'), undefined);
      const other = { subject: '2', email: 'other@example.com' };
      assert.equal((await store.create(aRecord('c', { owner: other }))).uid, 'c');
      assert.equal((await store.create(aRecord('d', { name: 'more' }))).uid, 'd');
    });

    it('makes one session of many creations at once', async () => {
      using store = open();
      const uids = Array.from({ length: 20 }, (_, index) => `uid${index}`);
      const made = await Promise.all(uids.map((uid) => store.create(aRecord(uid))));
      assert.equal(new Set(made.map(({ uid }) => uid)).size, 1);
      assert.equal((await store.list({ size: 50 })).length, 1);
    });

    it('frees the name of a session to be deleted, and keeps it for the one that has it then', async () => {
      using store = open();
      const record = await store.create(aRecord('a'));
      const deleted = await store.save({ ...record, want: 'deleted' });
      assert.equal(await store.findByName('1', 'default'), undefined);
      await store.create(aRecord('b'));
      assert.ok(deleted);
      const again = await store.save({ ...deleted, attempt: 2 });
      assert.equal((await store.findByName('1', 'default'))?.uid, 'b');
      assert.ok(again);
      await store.remove(again);
      assert.equal((await store.findByName('1', 'default'))?.uid, 'b');
    });
  });

  describe(`the ${kind} store: lists and leases`, () => {
    it('lists oldest first, a page at a time, of one owner or of all', async () => {
      using store = open();
      const other = { subject: '2', email: 'other@example.com' };
      await store.create(aRecord('b', { name: 'one', createdAt: 2000 }));
      await store.create(aRecord('a', { name: 'two', createdAt: 2000 }));
      await store.create(aRecord('c', { name: 'three', createdAt: 1000, owner: other }));
      const uids = async (page: Parameters<SessionStore['list']>[0]) =>
        (await store.list(page)).map(({ uid }) => uid);
      assert.deepEqual(await uids({ size: 10 }), ['c', 'a', 'b']);
      assert.deepEqual(await uids({ size: 2 }), ['c', 'a']);
      assert.deepEqual(await uids({ size: 2, after: { createdAt: 2000, uid: 'a' } }), ['b']);
      assert.deepEqual(await uids({ size: 10, ownerSubject: '1' }), ['a', 'b']);
      assert.deepEqual(await uids({ size: 10, ownerSubject: '3' }), []);
    });

    it('gives a lease to one holder until it is over or given back', async () => {
      using store = open();
      assert.equal(await store.takeLease('a', 'me', 1000, 2000), true);
      assert.equal(await store.takeLease('a', 'you', 1500, 2500), false);
      assert.equal(await store.takeLease('a', 'me', 1500, 2500), true);
      assert.equal(await store.takeLease('b', 'you', 1500, 2500), true);
      await store.releaseLease('a', 'you');
      assert.equal(await store.takeLease('a', 'you', 2499, 3000), false);
      assert.equal(await store.takeLease('a', 'you', 2500, 3000), true);
      await store.releaseLease('a', 'you');
      assert.equal(await store.takeLease('a', 'me', 2500, 3000), true);
    });
  });
}
