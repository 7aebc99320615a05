// What the Firestore store's documents look like, and how they become records again.
// A record is a JSON string in its document, beside the fields that queries need: as a map each of its fields would be
// indexed, arrays in arrays and undefined values would be refused, and both stores read the same text.
import { createHash } from 'node:crypto';
import type {
  CollectionReference,
  DocumentReference,
  DocumentSnapshot,
  Firestore,
  Timestamp,
} from '@google-cloud/firestore';
import { z } from 'zod';
import type { LoadedFirestore } from '../google/firestore.ts';
import type { ImageRecord } from '../image-record.ts';
import { sessionRecord, type SessionRecord } from '../record.ts';
import type { Tombstone } from './session-store.ts';
import { imageOfText, sessionOfText, textOfImage, textOfSession } from './stored-record.ts';

/** Names of the collections; firestore.indexes.json has them too. */
export const COLLECTIONS = {
  sessions: 'datalab-sessions',
  /** (owner, name) -> uid */
  names: 'datalab-names',
  leases: 'datalab-leases',
  tombstones: 'datalab-tombstones',
  images: 'datalab-images',
} as const;

const storedSession = z.object({ record: z.string(), dueAt: z.number().nullable() });
const storedImage = z.object({ record: z.string() });
const storedName = z.object({ uid: z.string() });
const expiry = z.object({ expireAt: z.custom<Timestamp>(isTimestamp) });
const storedLease = expiry.extend({ holder: z.string() });
const storedTombstone = expiry.extend({ record: z.string() });

export function sessionsOf(database: Firestore): CollectionReference {
  return database.collection(COLLECTIONS.sessions);
}

/** Named by a hash: owners and names may hold what ids of documents may not. */
export function nameDocument(
  database: Firestore,
  ownerSubject: string,
  name: string,
): DocumentReference {
  return database.collection(COLLECTIONS.names).doc(hashOf(JSON.stringify([ownerSubject, name])));
}

export function imageDocument(database: Firestore, name: string): DocumentReference {
  return database.collection(COLLECTIONS.images).doc(hashOf(name));
}

/** `null` where there is nothing: an update leaves fields alone that it does not name. */
export function sessionFields(record: SessionRecord, writeId: string) {
  return {
    uid: record.uid,
    ownerSubject: record.owner.subject,
    createdAt: record.createdAt,
    dueAt: record.dueAt ?? null,
    waitsForImage: record.waitsForImage ?? null,
    record: textOfSession(record),
    writeId,
  };
}

/** Undefined, here and below: there is no such document. */
export function sessionIn(snapshot: DocumentSnapshot): SessionRecord | undefined {
  if (!snapshot.updateTime) return undefined;
  const { record, dueAt } = storedSession.parse(snapshot.data());
  return sessionOfText(record, versionOf(snapshot.updateTime), dueAt);
}

export function imageFields(record: ImageRecord, writeId: string) {
  return { name: record.name, record: textOfImage(record), writeId };
}

export function imageIn(snapshot: DocumentSnapshot): ImageRecord | undefined {
  if (!snapshot.updateTime) return undefined;
  const { record } = storedImage.parse(snapshot.data());
  return imageOfText(record, versionOf(snapshot.updateTime));
}

/** To whom a name points. */
export function uidIn(snapshot: DocumentSnapshot): string | undefined {
  return snapshot.exists ? storedName.parse(snapshot.data()).uid : undefined;
}

/** `expireAt` is a Timestamp for Firestore's TTL policies, which delete with a day's delay. */
export function leaseFields(holder: string, until: number, writeId: string) {
  return { holder, expireAt: dateOf(until), writeId };
}

export function leaseIn(snapshot: DocumentSnapshot): { holder: string; until: number } | undefined {
  if (!snapshot.exists) return undefined;
  const { holder, expireAt } = storedLease.parse(snapshot.data());
  return { holder, until: expireAt.toMillis() };
}

export function tombstoneFields(record: SessionRecord, expireAt: number, writeId: string) {
  return { record: JSON.stringify(record), expireAt: dateOf(expireAt), writeId };
}

export function tombstoneIn(snapshot: DocumentSnapshot): Tombstone | undefined {
  if (!snapshot.exists) return undefined;
  const { record: text, expireAt } = storedTombstone.parse(snapshot.data());
  const record = sessionRecord.parse(JSON.parse(text));
  const ownerSubject = record.owner.subject;
  return { uid: snapshot.id, ownerSubject, record, expireAt: expireAt.toMillis() };
}

/** The version of a record is the time of its document's last update, to the nanosecond. */
export function versionOf({ seconds, nanoseconds }: Timestamp): string {
  return `${seconds}.${String(nanoseconds).padStart(9, '0')}`;
}

/** Undefined: it is none of ours, such as that of a record which was never stored. */
export function timeOfVersion(version: string, use: LoadedFirestore): Timestamp | undefined {
  const [, seconds, nanoseconds] = /^(\d+)\.(\d{9})$/.exec(version) ?? [];
  if (seconds === undefined) return undefined;
  return new use.Timestamp(Number(seconds), Number(nanoseconds));
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function dateOf(milliseconds: number): Date {
  return new Date(Math.ceil(milliseconds));
}

/** The class is the client's, which is not loaded here. */
function isTimestamp(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'toMillis' in value;
}
