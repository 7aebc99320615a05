// firestore.indexes.json against the queries that the store makes: the emulator answers queries without their index.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { Firestore, type Query } from '@google-cloud/firestore';
import { z } from 'zod';
import { COLLECTIONS, sessionsOf } from '../../../functions/store/firestore-documents.ts';
import { QUERIES } from '../../../functions/store/firestore-queries.ts';

const index = z.strictObject({
  collectionGroup: z.enum(COLLECTIONS),
  queryScope: z.literal('COLLECTION'),
  fields: z.array(
    z.strictObject({ fieldPath: z.string(), order: z.enum(['ASCENDING', 'DESCENDING']) }),
  ),
});
const fieldOverride = z.strictObject({
  collectionGroup: z.enum(COLLECTIONS),
  fieldPath: z.string(),
  ttl: z.literal(true).optional(),
  indexes: z.array(z.never()),
});
const indexFile = z.strictObject({
  indexes: z.array(index),
  fieldOverrides: z.array(fieldOverride),
});

const fieldFilter = z.object({ field: z.object({ fieldPath: z.string() }), op: z.string() });
const filter = z.object({
  fieldFilter: fieldFilter.optional(),
  compositeFilter: z.object({ filters: z.array(z.object({ fieldFilter })) }).optional(),
});
/** As it goes to Firestore. */
const request = z.object({
  structuredQuery: z.object({
    from: z.tuple([z.object({ collectionId: z.enum(COLLECTIONS) })]),
    where: filter.optional(),
    orderBy: z
      .array(
        z.object({
          field: z.object({ fieldPath: z.string() }),
          direction: z.enum(['ASCENDING', 'DESCENDING']),
        }),
      )
      .default([]),
  }),
});

const FILE = path.join(import.meta.dirname, '../../../firestore.indexes.json');
const sessions = sessionsOf(new Firestore({ projectId: 'p' }));
const after = { createdAt: 1, uid: 'a' };

/** Each in every shape that it has. */
const SHAPES = {
  list: [
    QUERIES.list(sessions, { size: 1 }),
    QUERIES.list(sessions, { size: 1, after }),
    QUERIES.list(sessions, { size: 1, ownerSubject: '1' }),
    QUERIES.list(sessions, { size: 1, ownerSubject: '1', after }),
  ],
  listWaitingFor: [QUERIES.listWaitingFor(sessions, 'x', 1)],
  takeDue: [QUERIES.takeDue(sessions, 1, 1)],
} satisfies Record<keyof typeof QUERIES, Query[]>;

/** Undefined: the indexes that Firestore makes of each field by itself will do. */
function compositeIndexOf(query: Query): z.infer<typeof index> | undefined {
  const toProto: unknown = Reflect.get(query, 'toProto');
  assert.ok(typeof toProto === 'function', 'the client still says what it sends');
  const { structuredQuery } = request.parse(Reflect.apply(toProto, query, []));
  const [{ collectionId }] = structuredQuery.from;
  const { fieldFilter: only, compositeFilter } = structuredQuery.where ?? {};
  const filters = [...(only ? [only] : []), ...(compositeFilter?.filters ?? []).map(innerFilter)];
  const equal = filters.filter(({ op }) => op === 'EQUAL').map(({ field }) => field.fieldPath);
  const ordered = structuredQuery.orderBy.map(({ field, direction }) => ({
    fieldPath: field.fieldPath,
    order: direction,
  }));
  const unordered = equal.map((fieldPath) => ({ fieldPath, order: 'ASCENDING' as const }));
  const fields = [...unordered, ...ordered.filter(({ fieldPath }) => fieldPath !== '__name__')];
  if (fields.length < 2) return undefined;
  return { collectionGroup: collectionId, queryScope: 'COLLECTION', fields };
}

function innerFilter(inner: { fieldFilter: z.infer<typeof fieldFilter> }) {
  return inner.fieldFilter;
}

describe('firestore.indexes.json', () => {
  const file = indexFile.parse(JSON.parse(readFileSync(FILE, 'utf8')));

  it('has a composite index for every query that needs one, and no other', () => {
    const needed = Object.values(SHAPES)
      .flat()
      .map(compositeIndexOf)
      .filter((found) => found !== undefined);
    const texts = (indexes: z.infer<typeof index>[]) => [
      ...new Set(indexes.map((one) => JSON.stringify(one))),
    ];
    assert.deepEqual(texts(file.indexes).sort(), texts(needed).sort());
  });

  it('keeps the indexes of single fields that queries use', () => {
    const used = ['ownerSubject', 'createdAt', 'uid', 'dueAt', 'waitsForImage'];
    for (const { fieldPath } of file.fieldOverrides) assert.ok(!used.includes(fieldPath));
  });

  it('lets Firestore delete what has expired', () => {
    const expiring = file.fieldOverrides.filter(({ ttl }) => ttl === true);
    assert.deepEqual(
      expiring.map(({ collectionGroup, fieldPath }) => [collectionGroup, fieldPath]).sort(),
      [
        [COLLECTIONS.leases, 'expireAt'],
        [COLLECTIONS.tombstones, 'expireAt'],
      ],
    );
  });
});
