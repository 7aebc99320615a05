// The SQLite store: the contract of all stores, and what is its own.
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { openSqliteStore } from '../../../functions/store/sqlite.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';
import { aRecord, describeStore } from './store-contract.ts';

describeStore('SQLite', () => openSqliteStore(':memory:'));

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

  it('ignores what a newer version has added to a record', async (t) => {
    const file = path.join(temporaryFolder(t), 'sessions.sqlite');
    using store = openSqliteStore(file);
    const record = await store.create(aRecord('a'));
    const database = new DatabaseSync(file);
    const newer = JSON.stringify({ ...record, invented: 'later' });
    database.prepare('UPDATE sessions SET record = ?').run(newer);
    database.close();
    assert.deepEqual(await store.get('a'), record);
  });

  it('refuses a file of a version that it does not know', (t) => {
    const file = path.join(temporaryFolder(t), 'sessions.sqlite');
    const database = new DatabaseSync(file);
    database.exec('PRAGMA user_version = 99');
    database.close();
    assert.throws(() => openSqliteStore(file), /version 99/);
  });
});
