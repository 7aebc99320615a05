// The embedded store, on node:sqlite: one file, several processes may have it open.
import { chmodSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';
import { sessionRecord, type SessionRecord } from '../record.ts';
import type { Page, SessionStore, Tombstone } from './session-store.ts';
import type { ImageStore } from './image-store.ts';
import type { ImageRecord } from '../image-record.ts';

const SCHEMA_VERSION = 1;
const BUSY_MILLISECONDS = 5000;
const SCHEMA = `
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
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

const stored = z.object({ record: z.string() });

/** @param file `:memory:` for one that ends with the process */
export function openSqliteStore(file: string): SessionStore & ImageStore & Disposable {
  const database = new DatabaseSync(file, { timeout: BUSY_MILLISECONDS });
  if (file !== ':memory:') chmodSync(file, 0o600);
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;');
  inTransaction(database, () => {
    migrate(database);
  });
  return new SqliteStore(database);
}

class SqliteStore implements SessionStore, ImageStore, Disposable {
  readonly tombs = new Map<string, Tombstone>();
  readonly imgs = new Map<string, ImageRecord>();
  findTombstone(uid: string, now: number) {
    const t = this.tombs.get(uid);
    return Promise.resolve(t && t.expireAt > now ? t : undefined);
  }
  listWaitingFor(image: string) {
    return Promise.resolve(
      this.#database
        .prepare('SELECT record FROM sessions')
        .all()
        .map(recordOf)
        .filter((r) => r.waitsForImage === image)
        .map((r) => r.uid),
    );
  }
  takeDue(now: number, until: number, size: number) {
    const rows = this.#database
      .prepare(
        'UPDATE sessions SET due_at = ? WHERE uid IN (SELECT uid FROM sessions WHERE due_at <= ? ORDER BY due_at LIMIT ?) RETURNING uid',
      )
      .all(until, now, size);
    return Promise.resolve(rows.map((r) => String(r['uid'])));
  }
  getImage(name: string) {
    return Promise.resolve(this.imgs.get(name));
  }
  createImage(r: ImageRecord) {
    const f = this.imgs.get(r.name);
    if (f) return Promise.resolve(f);
    const n = { ...r, version: '1' };
    this.imgs.set(r.name, n);
    return Promise.resolve(n);
  }
  saveImage(r: ImageRecord) {
    const f = this.imgs.get(r.name);
    if (f?.version !== r.version) return Promise.resolve(undefined);
    const n = { ...r, version: String(Number(r.version) + 1) };
    this.imgs.set(r.name, n);
    return Promise.resolve(n);
  }

  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  get(uid: string): Promise<SessionRecord | undefined> {
    return Promise.resolve(this.#one('SELECT record FROM sessions WHERE uid = ?', uid));
  }

  findByName(ownerSubject: string, name: string): Promise<SessionRecord | undefined> {
    return Promise.resolve(this.#pointedTo(ownerSubject, name));
  }

  create(given: SessionRecord): Promise<SessionRecord> {
    const record = { ...given, version: '1' };
    const { subject } = record.owner;
    const result = inTransaction(this.#database, () => {
      const existing = this.#pointedTo(subject, record.name);
      if (existing) return existing;
      this.#insert(record);
      this.#run(
        'INSERT INTO names (owner, name, uid) VALUES (?, ?, ?)',
        subject,
        record.name,
        record.uid,
      );
      return record;
    });
    return Promise.resolve(result);
  }

  save(record: SessionRecord): Promise<SessionRecord | undefined> {
    const next = { ...record, version: String(Number(record.version) + 1) };
    const isSaved = inTransaction(this.#database, () => {
      const changes = this.#run(
        'UPDATE sessions SET version = ?, due_at = ?, record = ? WHERE uid = ? AND version = ?',
        Number(next.version),
        dueAtOf(next),
        JSON.stringify(next),
        record.uid,
        Number(record.version),
      );
      if (changes === 0) return false;
      if (record.want === 'deleted') this.#freeName(record);
      return true;
    });
    return Promise.resolve(isSaved ? next : undefined);
  }

  remove(record: SessionRecord, expireAt: number): Promise<boolean> {
    const isRemoved = inTransaction(this.#database, () => {
      const { uid, version } = record;
      const changes = this.#run(
        'DELETE FROM sessions WHERE uid = ? AND version = ?',
        uid,
        Number(version),
      );
      if (changes === 0) return false;
      this.tombs.set(uid, { uid, ownerSubject: record.owner.subject, record, expireAt });
      this.#freeName(record);
      this.#run('DELETE FROM leases WHERE uid = ?', uid);
      return true;
    });
    return Promise.resolve(isRemoved);
  }

  list({ ownerSubject, after, size }: Page): Promise<SessionRecord[]> {
    const rows = this.#database
      .prepare(
        `SELECT record FROM sessions
         WHERE (?1 IS NULL OR owner = ?1) AND (created_at, uid) > (?2, ?3)
         ORDER BY created_at, uid LIMIT ?4`,
      )
      .all(ownerSubject ?? null, after?.createdAt ?? -1, after?.uid ?? '', size);
    return Promise.resolve(rows.map(recordOf));
  }

  takeLease(uid: string, holder: string, now: number, until: number): Promise<boolean> {
    const changes = this.#run(
      `INSERT INTO leases (uid, holder, until) VALUES (?, ?, ?)
       ON CONFLICT (uid) DO UPDATE SET holder = excluded.holder, until = excluded.until
       WHERE leases.holder = excluded.holder OR leases.until <= ?`,
      uid,
      holder,
      Math.ceil(until),
      now,
    );
    return Promise.resolve(changes > 0);
  }

  releaseLease(uid: string, holder: string): Promise<void> {
    this.#run('DELETE FROM leases WHERE uid = ? AND holder = ?', uid, holder);
    return Promise.resolve();
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  #insert(record: SessionRecord): void {
    this.#run(
      'INSERT INTO sessions (uid, version, owner, created_at, due_at, record) VALUES (?, ?, ?, ?, ?, ?)',
      record.uid,
      1,
      record.owner.subject,
      record.createdAt,
      dueAtOf(record),
      JSON.stringify(record),
    );
  }

  #pointedTo(ownerSubject: string, name: string): SessionRecord | undefined {
    const sql =
      'SELECT record FROM names JOIN sessions USING (uid) WHERE names.owner = ? AND name = ?';
    return this.#one(sql, ownerSubject, name);
  }

  /** Only if it still points here: a later session may have the name. */
  #freeName({ owner, name, uid }: SessionRecord): void {
    const sql = 'DELETE FROM names WHERE owner = ? AND name = ? AND uid = ?';
    this.#run(sql, owner.subject, name, uid);
  }

  #one(sql: string, ...values: string[]): SessionRecord | undefined {
    const row = this.#database.prepare(sql).get(...values);
    return row === undefined ? undefined : recordOf(row);
  }

  #run(sql: string, ...values: (string | number | null)[]): number {
    return Number(this.#database.prepare(sql).run(...values).changes);
  }
}

function migrate(database: DatabaseSync): void {
  const row = database.prepare('PRAGMA user_version').get();
  const { user_version: version } = z.object({ user_version: z.number() }).parse(row);
  if (version === SCHEMA_VERSION) return;
  if (version === 0) {
    database.exec(SCHEMA);
    return;
  }
  throw new Error(
    `The session store is of version ${version}; this program knows ${SCHEMA_VERSION}.`,
  );
}

function dueAtOf({ dueAt }: SessionRecord): number | null {
  return dueAt === undefined ? null : Math.ceil(dueAt);
}

function recordOf(row: unknown): SessionRecord {
  return sessionRecord.parse(JSON.parse(stored.parse(row).record));
}

/** IMMEDIATE: two processes that read and then write must not both go on from the same reading. */
function inTransaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    database.exec('ROLLBACK');
    throw error;
  }
}
