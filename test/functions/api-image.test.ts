// The gateway image over HTTP: looked at by everybody, built once, replaced by administrators only.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { image, type ImageView } from '../../functions/contract.ts';
import { until } from '../helpers/until.ts';
import { serveApi } from './api-fixture.ts';
import { BUILT_DIGEST } from './test-builds.ts';

const api = serveApi();

const administrator = () => api.google.userToken('admin@example.com');
const look = async () => image.parse(await api.ok('GET', '/v1/image'));
const build = async (body: object, token?: string) =>
  image.parse(await api.ok('POST', '/v1/image:build', { body, token }));

async function built(): Promise<ImageView> {
  return await until('the build has ended', async () => {
    const view = await look();
    return view.state === 'BUILDING' ? undefined : view;
  });
}

describe('the gateway image', () => {
  it('is shown as it is in the registry', async () => {
    const view = await look();
    assert.deepEqual(view, {
      name: 'gcr.io/p/datalab-gateway:latest',
      state: 'READY',
      digest: `sha256:${'a'.repeat(64)}`,
    });
  });

  it('is shown with its size and who uses it when that is asked for', async () => {
    const { id } = await api.create('mine');
    const view = image.parse(await api.ok('GET', '/v1/image?view=FULL'));
    assert.equal(view.sizeBytes, 1100);
    assert.equal(view.createTime, '2026-01-01T00:00:00.000Z');
    const [used] = view.usedBy?.sessions ?? [];
    assert.deepEqual([used?.id, used?.name], [id, 'mine']);
    assert.deepEqual(await look(), image.parse(await api.ok('GET', '/v1/image?view=BASIC')));
    const other = api.google.userToken('other@example.com');
    const theirs = image.parse(await api.ok('GET', '/v1/image?view=FULL', { token: other }));
    assert.equal(theirs.usedBy?.sessionCount, 0);
    await api.remove(id);
    const error = await api.refused('GET', '/v1/image?view=ALL');
    assert.deepEqual(error.fields, ['view']);
  });

  it('is not replaced in passing, nor by just anybody', async () => {
    for (const body of [{}, { validateOnly: true }]) {
      const error = await api.refused('POST', '/v1/image:build', { body });
      assert.equal(error.status, 'ALREADY_EXISTS');
      assert.match(error.message, /\{"force": true\}/);
    }
    for (const body of [{ force: true }, { force: true, validateOnly: true }]) {
      const error = await api.refused('POST', '/v1/image:build', { body });
      assert.equal(error.status, 'PERMISSION_DENIED');
    }
    assert.deepEqual(api.google.builds.all, []);
  });

  it('is built when it is missing, once for all who ask', async () => {
    api.google.builds.removeGateway();
    assert.equal((await look()).state, 'MISSING');
    assert.equal((await build({ validateOnly: true })).state, 'MISSING');
    assert.deepEqual(api.google.builds.all, []);
    const views = await Promise.all([1, 2, 3, 4].map(() => build({})));
    for (const { state } of views) assert.equal(state, 'BUILDING');
    const view = await built();
    assert.equal(view.state, 'READY');
    assert.equal(view.digest, BUILT_DIGEST);
    assert.equal(view.build?.status, 'SUCCESS');
    assert.equal(api.google.builds.all.length, 1);
  });

  it('is built again for an administrator who insists; the old one stays until then', async () => {
    const count = api.google.builds.all.length;
    const dry = await build({ force: true, validateOnly: true }, administrator());
    assert.equal(dry.state, 'READY');
    const view = await build({ force: true }, administrator());
    assert.equal(view.state, 'BUILDING');
    assert.equal(view.digest, BUILT_DIGEST);
    assert.equal((await built()).state, 'READY');
    assert.equal(api.google.builds.all.length, count + 1);
  });

  it('is FAILED with the last lines of the log when its build fails, until somebody asks again', async () => {
    api.google.builds.removeGateway();
    api.google.builds.failNext = true;
    await build({});
    const failed = await built();
    assert.equal(failed.state, 'FAILED');
    assert.match(failed.error?.message ?? '', /ERROR: it did not work/);
    const count = api.google.builds.all.length;
    assert.equal((await look()).state, 'FAILED');
    assert.equal(api.google.builds.all.length, count);
    assert.equal((await build({})).state, 'BUILDING');
    assert.equal((await built()).state, 'READY');
  });
});
