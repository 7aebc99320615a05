// Lists over HTTP: pages (AIP-158), filters (AIP-160), and whose sessions are in them.
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { SessionView } from '../../functions/contract.ts';
import { serveApi } from './api-fixture.ts';

const api = serveApi();

const other = () => api.google.userToken('other@example.com');
const administrator = () => api.google.userToken('admin@example.com');
const NAMES = ['one', 'two', 'three', 'four', 'five'];

/** All pages, one after the other. */
async function pages(query: string, token?: string): Promise<SessionView[][]> {
  const found: SessionView[][] = [];
  let next: string | undefined = '';
  while (next !== undefined) {
    const at = next === '' ? '' : `&pageToken=${encodeURIComponent(next)}`;
    const page: Awaited<ReturnType<typeof api.list>> = await api.list(`?${query}${at}`, token);
    found.push(page.sessions);
    next = page.nextPageToken;
  }
  return found;
}

const namesOf = (sessions: readonly SessionView[]) => sessions.map(({ name }) => name);

describe('the list of sessions', () => {
  before(async () => {
    for (const [index, name] of NAMES.entries()) {
      await api.create(name, undefined, { labels: { parity: index % 2 === 0 ? 'even' : 'odd' } });
    }
    await api.create('theirs', other(), { labels: { parity: 'even' } });
  });

  it('comes oldest first, in pages that hold every session once', async () => {
    const found = await pages('pageSize=2');
    assert.deepEqual(found.map(namesOf), [['one', 'two'], ['three', 'four'], ['five']]);
  });

  it('has no page after one that is just full', async () => {
    const page = await api.list('?pageSize=5');
    assert.equal(page.sessions.length, 5);
    assert.equal(page.nextPageToken, undefined);
  });

  it('takes 0 for no pageSize, and one that is too large for the largest', async () => {
    for (const size of [0, 100_000]) {
      assert.deepEqual(namesOf((await api.list(`?pageSize=${size}`)).sessions), NAMES);
    }
  });

  it('filters over pages', async () => {
    const filter = encodeURIComponent('labels.parity = even AND name != three');
    const found = await pages(`pageSize=1&filter=${filter}`);
    assert.deepEqual(found.map(namesOf), [['one'], ['five']]);
  });

  it('shows an administrator everybody’s, and anybody else their own', async () => {
    const all = (await pages('pageSize=4', administrator())).flat();
    assert.deepEqual(namesOf(all), [...NAMES, 'theirs']);
    const filter = encodeURIComponent('owner.email = "other@example.com"');
    assert.deepEqual(namesOf((await api.list(`?filter=${filter}`, administrator())).sessions), [
      'theirs',
    ]);
    assert.deepEqual((await api.list(`?filter=${filter}`)).sessions, []);
    assert.deepEqual(namesOf((await api.list('', other())).sessions), ['theirs']);
  });

  it('shows nobody more for the page token of an administrator', async () => {
    const { nextPageToken = '' } = await api.list('?pageSize=1', administrator());
    const { sessions } = await api.list(`?pageToken=${nextPageToken}`, other());
    assert.deepEqual(namesOf(sessions), ['theirs']);
  });

  it('takes a page token with another size, and not with another filter', async () => {
    const { nextPageToken = '' } = await api.list('?pageSize=1');
    const rest = await api.list(`?pageSize=9&pageToken=${nextPageToken}`);
    assert.deepEqual(namesOf(rest.sessions), NAMES.slice(1));
    const filter = encodeURIComponent('name = five');
    const path = `/v1/sessions?filter=${filter}&pageToken=${nextPageToken}`;
    const error = await api.refused('GET', path);
    assert.deepEqual(error.fields, ['pageToken']);
  });

  it('refuses tokens that nobody has given', async () => {
    const made = (content: unknown) => Buffer.from(JSON.stringify(content)).toString('base64url');
    const tokens = ['x', made({}), made({ createdAt: 'x', uid: 'a' }), made([1]), 'a'.repeat(513)];
    for (const token of tokens) {
      const error = await api.refused('GET', `/v1/sessions?pageToken=${token}`);
      assert.deepEqual(error.fields, ['pageToken'], token);
    }
  });
});
