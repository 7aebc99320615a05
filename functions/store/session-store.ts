// What the backend asks of a store. Every implementation passes the same contract tests (test/functions/store).
import type { SessionRecord } from '../record.ts';

export interface Page {
  /** Only the sessions of this owner. */
  ownerSubject?: string | undefined;
  /** The last session of the page before. */
  after?: { createdAt: number; uid: string } | undefined;
  size: number;
}

/** What is left of a session that is gone: enough to answer a repeated DELETE, and to know a late instance for ours. */
export interface Tombstone {
  uid: string;
  ownerSubject: string;
  /** The session as it was last, for its owner. */
  record: SessionRecord;
  /** Ms since the epoch. */
  expireAt: number;
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

  /** Removes the record for good, on the same condition, and leaves a tombstone until `expireAt` (ms). */
  remove(record: SessionRecord, expireAt: number): Promise<boolean>;

  /** Of a session that is gone, unless it has expired by `now` (ms). */
  findTombstone(uid: string, now: number): Promise<Tombstone | undefined>;

  /** Oldest first. */
  list(page: Page): Promise<SessionRecord[]>;

  /** Sessions whose `waitsForImage` is this, at most `size`. */
  listWaitingFor(image: string, size: number): Promise<string[]>;

  /**
   * Uids of sessions whose `dueAt` is `now` or earlier, the earliest first, at most `size`; each is due again at
   * `until`, if whoever took it dies now. Works without reading the records, so that a bad one holds nobody up. Two
   * callers at once do not get the same session, as a rule. It counts as a save: what was loaded before is out of date.
   */
  takeDue(now: number, until: number, size: number): Promise<string[]>;

  /** Who holds the lease observes the session for everybody. True: `holder` has it until `until` (ms). */
  takeLease(uid: string, holder: string, now: number, until: number): Promise<boolean>;

  /** Gives it back early; somebody else's lease is left alone. */
  releaseLease(uid: string, holder: string): Promise<void>;
}
