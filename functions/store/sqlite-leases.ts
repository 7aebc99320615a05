// Who observes which session for everybody, in the SQLite store: part of what sqlite.ts opens.
import type { DatabaseSync } from 'node:sqlite';
import type { SessionStore } from './session-store.ts';
import { asPromise, run } from './sqlite-database.ts';

export function leasesIn(database: DatabaseSync): Pick<SessionStore, 'takeLease' | 'releaseLease'> {
  return {
    takeLease: (uid, holder, now, until) =>
      asPromise(() => {
        const sql = `INSERT INTO leases (uid, holder, until) VALUES (?, ?, ?)
          ON CONFLICT (uid) DO UPDATE SET holder = excluded.holder, until = excluded.until
          WHERE leases.holder = excluded.holder OR leases.until <= ?`;
        return run(database, sql, uid, holder, Math.ceil(until), now) > 0;
      }),
    releaseLease: (uid, holder) =>
      asPromise(() => {
        run(database, 'DELETE FROM leases WHERE uid = ? AND holder = ?', uid, holder);
      }),
  };
}
