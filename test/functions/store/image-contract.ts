// What every store must do with images: part of store-contract.ts.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { ImageRecord } from '../../../functions/image-record.ts';
import type { OpenStore } from './store-contract.ts';

const NAME = 'gcr.io/p/datalab-gateway:latest';

export function anImage(overrides: Partial<ImageRecord> = {}): ImageRecord {
  return { name: NAME, version: '', attempt: 1, isBuildWanted: true, ...overrides };
}

export function describeImages(open: OpenStore): void {
  it('keeps one record per image, and answers the one that is there', async (t) => {
    const { store } = open(t);
    assert.equal(await store.getImage(NAME), undefined);
    const claim = { tag: 'a-1', deadline: 1000, callUntil: 2000 };
    const created = await store.createImage(anImage({ claim, build: undefined }));
    assert.notEqual(created.version, '');
    assert.deepEqual(await store.getImage(NAME), {
      ...anImage({ claim }),
      version: created.version,
    });
    assert.deepEqual(await store.createImage(anImage({ attempt: 7 })), await store.getImage(NAME));
    const other = await store.createImage(anImage({ name: 'gcr.io/p/other:latest', attempt: 7 }));
    assert.equal(other.attempt, 7);
    assert.equal((await store.getImage(NAME))?.attempt, 1);
  });

  it('keeps an extension as it was given, however long and odd its text', async (t) => {
    const { store } = open(t);
    const text = `${'€😀"\\\r\n'.repeat(5000)}\u2028`;
    const source = { hash: 'h', base: 'b', isOnBase: false };
    const extension = { ...source, kind: 'dockerfile' as const, text };
    const image = await store.createImage(anImage({ extension }));
    assert.deepEqual((await store.getImage(NAME))?.extension, extension);
    const build = { id: 'b', tag: 'a-1', status: 'QUEUED' };
    const built = { ...build, extension: { ...source, kind: 'dockerfile' as const } };
    await store.saveImage({ ...image, extension: undefined, build: built });
    const { extension: kept, build: found } = (await store.getImage(NAME)) ?? {};
    assert.deepEqual([kept, found], [undefined, built]);
  });

  it('answers one and the same to all who create it at once', async (t) => {
    const { store } = open(t);
    const attempts = Array.from({ length: 20 }, (_, index) => index);
    const made = await Promise.all(
      attempts.map((attempt) => store.createImage(anImage({ attempt }))),
    );
    for (const image of made) assert.deepEqual(image, made[0]);
    assert.deepEqual(await store.getImage(NAME), made[0]);
  });

  it('saves only what was made from the present version', async (t) => {
    const { store } = open(t);
    assert.equal(await store.saveImage(anImage()), undefined);
    const image = await store.createImage(anImage());
    const attempts = Array.from({ length: 20 }, (_, index) => index + 2);
    const saves = attempts.map((attempt) => store.saveImage({ ...image, attempt }));
    const won = (await Promise.all(saves)).filter((saved) => saved !== undefined);
    assert.equal(won.length, 1);
    assert.deepEqual(await store.getImage(NAME), won[0]);
    assert.ok(won[0] && (await store.saveImage({ ...won[0], isBuildWanted: false })));
    assert.equal((await store.getImage(NAME))?.isBuildWanted, false);
  });
}
