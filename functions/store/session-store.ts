// What the backend asks of a store. Every implementation passes the same contract tests (test/functions/store).
import type { SessionRecord } from '../record.ts';

export interface Page {
  /** Only the sessions of this owner. */
  ownerSubject?: string | undefined;
  /** The last session of the page before. */
  after?: { createdAt: number; uid: string } | undefined;
  size: number;
}

export interface SessionStore {
  get(uid: string): Promise<SessionRecord | undefined>;

  /** The session that (owner, name) points to: never one that is being deleted. */
  findByName(ownerSubject: string, name: string): Promise<SessionRecord | undefined>;

  /** Stores the record and points (owner, name) to it; or, where that points to a session already, answers that one. */
  create(record: SessionRecord): Promise<SessionRecord>;

  /**
   * Saves what was made from version `record.version`; that of a session to be deleted gives its name free in the
   * same transaction. Undefined: somebody else has saved, or removed it, in the meantime.
   */
  save(record: SessionRecord): Promise<SessionRecord | undefined>;

  /** Removes the record for good, on the same condition. */
  remove(record: SessionRecord): Promise<boolean>;

  /** Oldest first. */
  list(page: Page): Promise<SessionRecord[]>;

  /** Who holds the lease observes the session for everybody. True: `holder` has it until `until` (ms). */
  takeLease(uid: string, holder: string, now: number, until: number): Promise<boolean>;

  /** Gives it back early; somebody else's lease is left alone. */
  releaseLease(uid: string, holder: string): Promise<void>;
}
