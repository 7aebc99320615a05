// The tables of the SQLite store. A file of an older version is brought up to date in place when it is opened.
import type { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';

/** Each brings a file from the version that is its index to the next one; what was released is never changed. */
const MIGRATIONS = [
  `
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
  `,
  `
  ALTER TABLE sessions ADD COLUMN waits_for_image TEXT;
  CREATE INDEX sessions_by_image ON sessions (waits_for_image) WHERE waits_for_image IS NOT NULL;
  CREATE TABLE tombstones (
    uid TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    expire_at INTEGER NOT NULL,
    record TEXT NOT NULL
  ) STRICT;
  CREATE TABLE images (name TEXT PRIMARY KEY, version INTEGER NOT NULL, record TEXT NOT NULL) STRICT;
  `,
];

/** In a transaction of the caller's: two processes may open the file at once. */
export function migrate(database: DatabaseSync): void {
  const row = database.prepare('PRAGMA user_version').get();
  const { user_version: version } = z.object({ user_version: z.number() }).parse(row);
  if (version > MIGRATIONS.length) {
    throw new Error(
      `The session store is of version ${version}; this program knows ${MIGRATIONS.length}.`,
    );
  }
  for (const migration of MIGRATIONS.slice(version)) database.exec(migration);
  database.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
}
