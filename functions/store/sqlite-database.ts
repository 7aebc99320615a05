// The file of the SQLite store, and how statements and transactions are run on it.
import { chmodSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { migrate } from './sqlite-schema.ts';

const BUSY_MILLISECONDS = 5000;

type Value = string | number | null;

/** @param file `:memory:` for one that ends with the process */
export function openDatabase(file: string): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: BUSY_MILLISECONDS });
  if (file !== ':memory:') chmodSync(file, 0o600);
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;');
  inTransaction(database, () => {
    migrate(database);
  });
  return database;
}

/** IMMEDIATE: two processes that read and then write must not both go on from the same reading. */
export function inTransaction<T>(database: DatabaseSync, work: () => T): T {
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

/** What `work` throws rejects the promise: stores answer with promises only. */
export function asPromise<T>(work: () => T): Promise<T> {
  return new Promise((resolve) => {
    resolve(work());
  });
}

/** @returns how many rows it changed */
export function run(database: DatabaseSync, sql: string, ...values: Value[]): number {
  return Number(database.prepare(sql).run(...values).changes);
}

export function firstRow(database: DatabaseSync, sql: string, ...values: Value[]): unknown {
  return database.prepare(sql).get(...values);
}

export function allRows(database: DatabaseSync, sql: string, ...values: Value[]): unknown[] {
  return database.prepare(sql).all(...values);
}
