// The store in Firestore, which needs no server of ours. Every write is conditional, on a document's update time or on
// its absence, and documents that change together are written in one batch. No transactions: with 50 writers of one
// document these took 94 s where preconditions took 2.3 s.
import type { DocumentSnapshot, Firestore, WriteBatch } from '@google-cloud/firestore';
import { AppError } from '../errors.ts';
import {
  createFirestore,
  writeOnce,
  type CallFirestore,
  type FirestoreOptions,
  type LoadedFirestore,
} from '../google/firestore.ts';
import type { SessionRecord } from '../record.ts';
import {
  COLLECTIONS,
  nameDocument,
  sessionFields,
  sessionIn,
  sessionsOf,
  timeOfVersion,
  tombstoneFields,
  tombstoneIn,
  uidIn,
  versionOf,
} from './firestore-documents.ts';
import { imagesIn } from './firestore-images.ts';
import { leasesIn } from './firestore-leases.ts';
import { QUERIES } from './firestore-queries.ts';
import type { ImageStore } from './image-store.ts';
import type { SessionStore } from './session-store.ts';

type Sessions = Omit<SessionStore, 'takeLease' | 'releaseLease'>;

/** A name may be taken and given free by others between two of our calls. */
const CREATE_ATTEMPTS = 5;

/** Connects at the first call, with Application Default Credentials. */
export function openFirestoreStore(options: FirestoreOptions): SessionStore & ImageStore {
  const call = createFirestore(options);
  return { ...sessionsIn(call), ...leasesIn(call), ...imagesIn(call) };
}

function sessionsIn(call: CallFirestore): Sessions {
  return {
    get: (uid) =>
      call(async ({ database }) => sessionIn(await sessionsOf(database).doc(uid).get())),
    findByName: (ownerSubject, name) =>
      call(({ database }) => pointedTo(database, ownerSubject, name)),
    create: (record) => call((use) => create(use, record)),
    save: (record) => call((use) => save(use, record)),
    remove: (record, expireAt) => call((use) => remove(use, record, expireAt)),
    findTombstone: (uid, now) =>
      call(async ({ database }) => {
        const found = await database.collection(COLLECTIONS.tombstones).doc(uid).get();
        const tombstone = tombstoneIn(found);
        return tombstone && tombstone.expireAt > now ? tombstone : undefined;
      }),
    list: (page) =>
      call(async ({ database }) => {
        const { docs } = await QUERIES.list(sessionsOf(database), page).get();
        return docs.map(sessionIn).filter((session) => session !== undefined);
      }),
    listWaitingFor: (image, size) =>
      call(async ({ database }) => {
        const { docs } = await QUERIES.listWaitingFor(sessionsOf(database), image, size).get();
        return docs.map(({ id }) => id);
      }),
    takeDue: (now, until, size) => call((use) => takeDue(use, now, until, size)),
  };
}

async function pointedTo(
  database: Firestore,
  ownerSubject: string,
  name: string,
): Promise<SessionRecord | undefined> {
  const uid = uidIn(await nameDocument(database, ownerSubject, name).get());
  if (uid === undefined) return undefined;
  const session = sessionIn(await sessionsOf(database).doc(uid).get());
  // Between the two readings it may have lost its name.
  return session?.want === 'deleted' ? undefined : session;
}

async function create(use: LoadedFirestore, record: SessionRecord): Promise<SessionRecord> {
  const { uid, owner, name } = record;
  const session = sessionsOf(use.database).doc(uid);
  const pointer = nameDocument(use.database, owner.subject, name);
  for (let attempt = 0; attempt < CREATE_ATTEMPTS; attempt++) {
    const written = await writeOnce(use, session, (batch, writeId) => {
      batch.create(session, sessionFields(record, writeId));
      batch.create(pointer, { uid, ownerSubject: owner.subject, name });
    });
    if (written) return { ...record, version: versionOf(written) };
    const existing = await pointedTo(use.database, owner.subject, name);
    if (existing) return existing;
  }
  const message = `Session ${name} is being created and deleted by others just now; try again.`;
  throw new AppError('UNAVAILABLE', message, { isRetryable: true });
}

async function save(
  use: LoadedFirestore,
  record: SessionRecord,
): Promise<SessionRecord | undefined> {
  const lastUpdateTime = timeOfVersion(record.version, use);
  if (!lastUpdateTime) return undefined;
  const session = sessionsOf(use.database).doc(record.uid);
  const pointer = record.want === 'deleted' ? await readPointer(use, record) : undefined;
  const written = await writeOnce(use, session, (batch, writeId) => {
    batch.update(session, sessionFields(record, writeId), { lastUpdateTime });
    freeName(batch, pointer, record);
  });
  return written && { ...record, version: versionOf(written) };
}

async function remove(
  use: LoadedFirestore,
  record: SessionRecord,
  expireAt: number,
): Promise<boolean> {
  const { uid } = record;
  const lastUpdateTime = timeOfVersion(record.version, use);
  if (!lastUpdateTime) return false;
  const tombstone = use.database.collection(COLLECTIONS.tombstones).doc(uid);
  const pointer = await readPointer(use, record);
  const written = await writeOnce(use, tombstone, (batch, writeId) => {
    batch.set(tombstone, tombstoneFields(record, expireAt, writeId));
    batch.delete(sessionsOf(use.database).doc(uid), { lastUpdateTime });
    batch.delete(use.database.collection(COLLECTIONS.leases).doc(uid));
    freeName(batch, pointer, record);
  });
  return written !== undefined;
}

function readPointer(
  { database }: LoadedFirestore,
  { owner, name }: SessionRecord,
): Promise<DocumentSnapshot> {
  return nameDocument(database, owner.subject, name).get();
}

/** Only if it points here: a later session may have the name. It never comes to point here again. */
function freeName(
  batch: WriteBatch,
  pointer: DocumentSnapshot | undefined,
  { uid }: SessionRecord,
): void {
  if (pointer?.updateTime === undefined || uidIn(pointer) !== uid) return;
  batch.delete(pointer.ref, { lastUpdateTime: pointer.updateTime });
}

async function takeDue(
  use: LoadedFirestore,
  now: number,
  until: number,
  size: number,
): Promise<string[]> {
  const { docs } = await QUERIES.takeDue(sessionsOf(use.database), now, size).get();
  const attempts = docs.map(async ({ ref, updateTime: lastUpdateTime }) => {
    const written = await writeOnce(use, ref, (batch, writeId) => {
      batch.update(ref, { dueAt: Math.ceil(until), writeId }, { lastUpdateTime });
    });
    return written && ref.id;
  });
  const results = await Promise.allSettled(attempts);
  const taken = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const failed = results.find((result) => result.status === 'rejected');
  // Those that were taken are not due again soon: they are handed out, whatever became of the others.
  if (taken.length === 0 && failed) throw failed.reason;
  return taken.filter((uid) => uid !== undefined);
}
