// The queries of the Firestore store, each with its order, so that firestore.indexes.json can be held against them.
import type { CollectionReference, Query } from '@google-cloud/firestore';
import type { Page } from './session-store.ts';

export const QUERIES = {
  list: (sessions: CollectionReference, { ownerSubject, after, size }: Page): Query => {
    const all: Query = sessions;
    const found = ownerSubject === undefined ? all : all.where('ownerSubject', '==', ownerSubject);
    const ordered = found.orderBy('createdAt').orderBy('uid').limit(size);
    return after ? ordered.startAfter(after.createdAt, after.uid) : ordered;
  },

  /** Without any field: ids and update times are enough. */
  listWaitingFor: (sessions: CollectionReference, image: string, size: number): Query =>
    sessions.where('waitsForImage', '==', image).select().limit(size),

  takeDue: (sessions: CollectionReference, now: number, size: number): Query =>
    sessions.where('dueAt', '<=', now).orderBy('dueAt').select().limit(size),
};
