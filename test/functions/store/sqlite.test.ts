// The SQLite store: the contract of all stores, and what is its own.
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it, type TestContext } from 'node:test';
import { openSqliteStore } from '../../../functions/store/sqlite.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';
import { anImage } from './image-contract.ts';
import { aRecord, describeStore } from './store-contract.ts';

describeStore('SQLite', (t) => {
  const file = path.join(temporaryFolder(t), 'sessions.sqlite');
  const store = openSqliteStore(file);
  t.after(() => {
    store[Symbol.dispose]();
  });
  const rewrite = (uid: string, change: (text: string) => string) => {
    using database = new DatabaseSync(file);
    const row = database.prepare('SELECT record FROM sessions WHERE uid = ?').get(uid);
    const sql = 'UPDATE sessions SET record = ? WHERE uid = ?';
    database.prepare(sql).run(change(String(row?.['record'])), uid);
    return Promise.resolve();
  };
  return { store, rewrite };
});

describe('the SQLite store: its file', () => {
  it('keeps sessions over a restart, for its owner alone, and shares them between processes', async (t) => {
    const file = path.join(temporaryFolder(t), 'sessions.sqlite');
    using first = openSqliteStore(file);
    const record = await first.create(aRecord('a'));
    using second = openSqliteStore(file);
    assert.deepEqual(await second.get('a'), record);
    assert.ok(await second.save(record));
    assert.equal(await first.save(record), undefined);
    assert.equal(statSync(file).mode & 0o777, 0o600);
  });

  it('opens one that version 1 of it has left', async (t) => {
    const { file, written } = fileOfVersion1(t);
    using store = openSqliteStore(file);
    const found = await store.get('a');
    assert.ok(found);
    assert.equal(found.spec.idleAction, 'suspend');
    assert.equal(found.sleepCount, 0);
    assert.deepEqual([found.version, found.dueAt], ['3', 1000]);
    assert.deepEqual(await store.findByName('1', written.name), found);
    const saved = await store.save({ ...found, waitsForImage: 'x' });
    assert.equal(saved?.version, '4');
    assert.deepEqual(await store.listWaitingFor('x', 10), ['a']);
    assert.deepEqual(await store.takeDue(1000, 2000, 10), ['a']);
    assert.ok(await store.createImage(anImage()));
    using again = openSqliteStore(file);
    assert.equal((await again.get('a'))?.waitsForImage, 'x');
  });

  it('forgets leases and tombstones that have expired', async (t) => {
    const file = path.join(temporaryFolder(t), 'sessions.sqlite');
    using store = openSqliteStore(file);
    await store.remove(await store.create(aRecord('a')), 9000);
    await store.takeLease('b', 'me', 1000, 9000);
    using database = new DatabaseSync(file);
    const rows = () =>
      ['tombstones', 'leases'].map(
        (table) => database.prepare(`SELECT count(*) AS rows FROM ${table}`).get()?.['rows'],
      );
    await store.takeDue(8999, 9999, 1);
    assert.deepEqual(rows(), [1, 1]);
    await store.takeDue(9000, 9999, 1);
    assert.deepEqual(rows(), [0, 0]);
  });

  it('changes a session and what its name points to together, or not at all', async (t) => {
    const file = path.join(temporaryFolder(t), 'sessions.sqlite');
    using store = openSqliteStore(file);
    const record = await store.create(aRecord('a'));
    using database = new DatabaseSync(file);
    // As if the process died between the two statements.
    for (const change of ['INSERT', 'DELETE']) {
      database.exec(
        `CREATE TRIGGER no_${change} BEFORE ${change} ON names BEGIN SELECT RAISE(ABORT, 'no'); END`,
      );
    }
    await assert.rejects(store.create(aRecord('b', { name: 'other' })));
    assert.equal(await store.get('b'), undefined);
    await assert.rejects(store.save({ ...record, want: 'deleted' }));
    await assert.rejects(store.remove(record, 9000));
    assert.deepEqual(await store.get('a'), record);
    assert.equal(await store.findTombstone('a', 0), undefined);
  });

  it('refuses a file of a version that it does not know', (t) => {
    const file = path.join(temporaryFolder(t), 'sessions.sqlite');
    const database = new DatabaseSync(file);
    database.exec('PRAGMA user_version = 99');
    database.close();
    assert.throws(() => openSqliteStore(file), /version 99/);
  });
});

/** As the program of 2026-11-23 made it, with a session of then. */
function fileOfVersion1(t: TestContext) {
  const file = path.join(temporaryFolder(t), 'sessions.sqlite');
  using database = new DatabaseSync(file);
  database.exec(`
    CREATE TABLE sessions (
      uid TEXT PRIMARY KEY,
      version INTEGER NOT NULL,
      owner TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      due_at INTEGER,
      record TEXT NOT NULL
    ) STRICT;
    CREATE INDEX sessions_by_age ON sessions (created_at, uid);
    CREATE INDEX sessions_by_due ON sessions (due_at) WHERE due_at IS NOT NULL;
    CREATE TABLE names (
      owner TEXT NOT NULL,
      name TEXT NOT NULL,
      uid TEXT NOT NULL,
      PRIMARY KEY (owner, name)
    ) STRICT;
    CREATE TABLE leases (uid TEXT PRIMARY KEY, holder TEXT NOT NULL, until INTEGER NOT NULL) STRICT;
    PRAGMA user_version = 1;
  `);
  const written = {
    uid: 'a',
    version: 3,
    revision: 5,
    name: 'default',
    owner: { subject: '1', email: 'you@example.com' },
    want: 'running',
    isWantPending: false,
    generation: 1,
    attempt: 2,
    spec: { zone: 'europe-west1-b', machineType: 'e2-standard-4', diskSizeGb: 50 },
    pastBootIds: [],
    keyVersion: 1,
    createdAt: 1000,
    updatedAt: 1000,
    usedAt: 1000,
    dueAt: 1000,
    timeline: [{ at: 1000, message: 'PENDING: asked for' }],
  };
  database
    .prepare('INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?)')
    .run('a', 3, '1', 1000, 1000, JSON.stringify(written));
  database.prepare('INSERT INTO names VALUES (?, ?, ?)').run('1', 'default', 'a');
  return { file, written };
}
