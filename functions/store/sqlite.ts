// The embedded store, on node:sqlite: one file, several processes may have it open.
import type { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';
import { sessionRecord, type SessionRecord } from '../record.ts';
import type { ImageStore } from './image-store.ts';
import type { Page, SessionStore, Tombstone } from './session-store.ts';
import {
  allRows,
  asPromise,
  firstRow,
  inTransaction,
  openDatabase,
  run,
} from './sqlite-database.ts';
import { imagesIn } from './sqlite-images.ts';
import { leasesIn } from './sqlite-leases.ts';
import { sessionOfText, textOfSession } from './stored-record.ts';

type Sessions = Omit<SessionStore, 'takeLease' | 'releaseLease'>;

const SESSION_COLUMNS = 'sessions.record, sessions.version, sessions.due_at';
const sessionRow = z.object({
  record: z.string(),
  version: z.number(),
  due_at: z.number().nullable(),
});
const tombstoneRow = z.object({
  uid: z.string(),
  owner: z.string(),
  expire_at: z.number(),
  record: z.string(),
});
const versionRow = z.object({ version: z.number() });
const uidRow = z.object({ uid: z.string() });

/** @param file `:memory:` for one that ends with the process */
export function openSqliteStore(file: string): SessionStore & ImageStore & Disposable {
  const database = openDatabase(file);
  return {
    ...sessionsIn(database),
    ...leasesIn(database),
    ...imagesIn(database),
    [Symbol.dispose]: () => {
      database.close();
    },
  };
}

function sessionsIn(database: DatabaseSync): Sessions {
  const atomically = <T>(work: () => T) => asPromise(() => inTransaction(database, work));
  return {
    get: (uid) =>
      asPromise(() => {
        const sql = `SELECT ${SESSION_COLUMNS} FROM sessions WHERE uid = ?`;
        return sessionOrNone(firstRow(database, sql, uid));
      }),
    findByName: (ownerSubject, name) => asPromise(() => pointedTo(database, ownerSubject, name)),
    create: (record) => atomically(() => create(database, record)),
    save: (record) => atomically(() => save(database, record)),
    remove: (record, expireAt) => atomically(() => remove(database, record, expireAt)),
    findTombstone: (uid, now) => asPromise(() => findTombstone(database, uid, now)),
    list: (page) => asPromise(() => list(database, page)),
    listWaitingFor: (image, size) =>
      asPromise(() => {
        const sql = 'SELECT uid FROM sessions WHERE waits_for_image = ? ORDER BY uid LIMIT ?';
        return allRows(database, sql, image, size).map(uidOf);
      }),
    takeDue: (now, until, size) =>
      atomically(() => {
        forgetExpired(database, now);
        return takeDue(database, now, until, size);
      }),
  };
}

function pointedTo(
  database: DatabaseSync,
  ownerSubject: string,
  name: string,
): SessionRecord | undefined {
  const sql = `SELECT ${SESSION_COLUMNS} FROM names JOIN sessions USING (uid) WHERE names.owner = ? AND name = ?`;
  return sessionOrNone(firstRow(database, sql, ownerSubject, name));
}

function create(database: DatabaseSync, record: SessionRecord): SessionRecord {
  const { uid, name, owner, createdAt, waitsForImage = null } = record;
  const existing = pointedTo(database, owner.subject, name);
  if (existing) return existing;
  run(
    database,
    `INSERT INTO sessions (uid, version, owner, created_at, due_at, waits_for_image, record)
     VALUES (?, 1, ?, ?, ?, ?, ?)`,
    uid,
    owner.subject,
    createdAt,
    dueAtOf(record),
    waitsForImage,
    textOfSession(record),
  );
  const sql = 'INSERT INTO names (owner, name, uid) VALUES (?, ?, ?)';
  run(database, sql, owner.subject, name, uid);
  return { ...record, version: '1' };
}

function save(database: DatabaseSync, record: SessionRecord): SessionRecord | undefined {
  const row = firstRow(
    database,
    `UPDATE sessions SET version = version + 1, due_at = ?, waits_for_image = ?, record = ?
     WHERE uid = ? AND version = ? RETURNING version`,
    dueAtOf(record),
    record.waitsForImage ?? null,
    textOfSession(record),
    record.uid,
    record.version,
  );
  if (row === undefined) return undefined;
  if (record.want === 'deleted') freeName(database, record);
  return { ...record, version: String(versionRow.parse(row).version) };
}

function remove(database: DatabaseSync, record: SessionRecord, expireAt: number): boolean {
  const { uid, version, owner } = record;
  const sql = 'DELETE FROM sessions WHERE uid = ? AND version = ?';
  if (run(database, sql, uid, version) === 0) return false;
  freeName(database, record);
  run(database, 'DELETE FROM leases WHERE uid = ?', uid);
  run(
    database,
    'INSERT OR REPLACE INTO tombstones (uid, owner, expire_at, record) VALUES (?, ?, ?, ?)',
    uid,
    owner.subject,
    Math.ceil(expireAt),
    JSON.stringify(record),
  );
  return true;
}

/** Only if it still points here: a later session may have the name. */
function freeName(database: DatabaseSync, { owner, name, uid }: SessionRecord): void {
  const sql = 'DELETE FROM names WHERE owner = ? AND name = ? AND uid = ?';
  run(database, sql, owner.subject, name, uid);
}

function findTombstone(database: DatabaseSync, uid: string, now: number): Tombstone | undefined {
  const sql =
    'SELECT uid, owner, expire_at, record FROM tombstones WHERE uid = ? AND expire_at > ?';
  const row = firstRow(database, sql, uid, now);
  if (row === undefined) return undefined;
  const { owner, expire_at: expireAt, record } = tombstoneRow.parse(row);
  return { uid, ownerSubject: owner, expireAt, record: sessionRecord.parse(JSON.parse(record)) };
}

function list(database: DatabaseSync, { ownerSubject, after, size }: Page): SessionRecord[] {
  const sql = `SELECT ${SESSION_COLUMNS} FROM sessions
     WHERE (?1 IS NULL OR owner = ?1) AND (created_at, uid) > (?2, ?3)
     ORDER BY created_at, uid LIMIT ?4`;
  const { createdAt, uid } = after ?? { createdAt: -1, uid: '' };
  return allRows(database, sql, ownerSubject ?? null, createdAt, uid, size).map(sessionOf);
}

/** Nobody else does it: Firestore has its own rule for that. */
function forgetExpired(database: DatabaseSync, now: number): void {
  run(database, 'DELETE FROM tombstones WHERE expire_at <= ?', now);
  run(database, 'DELETE FROM leases WHERE until <= ?', now);
}

/** Two statements: RETURNING knows neither the order nor the time that it replaced. */
function takeDue(database: DatabaseSync, now: number, until: number, size: number): string[] {
  const sql = 'SELECT uid FROM sessions WHERE due_at <= ? ORDER BY due_at, uid LIMIT ?';
  const uids = allRows(database, sql, now, size).map(uidOf);
  const push = database.prepare(
    'UPDATE sessions SET due_at = ?, version = version + 1 WHERE uid = ?',
  );
  for (const uid of uids) push.run(Math.ceil(until), uid);
  return uids;
}

function dueAtOf({ dueAt }: SessionRecord): number | null {
  return dueAt === undefined ? null : Math.ceil(dueAt);
}

function sessionOrNone(row: unknown): SessionRecord | undefined {
  return row === undefined ? undefined : sessionOf(row);
}

function sessionOf(row: unknown): SessionRecord {
  const { record, version, due_at: dueAt } = sessionRow.parse(row);
  return sessionOfText(record, String(version), dueAt);
}

function uidOf(row: unknown): string {
  return uidRow.parse(row).uid;
}
