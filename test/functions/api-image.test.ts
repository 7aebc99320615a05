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

  it('is extended by an administrator: the text arrives at Cloud Build, and nowhere else', async () => {
    const requirements = 'scikit-learn==1.7.2 # costs $5\n';
    const extend = (body: object, token = administrator()) =>
      api.ok('POST', '/v1/image:extend', { body, token });
    const dry = image.parse(await extend({ requirements, validateOnly: true }));
    assert.equal(dry.state, 'READY');
    const count = api.google.builds.all.length;
    const views = await Promise.all([1, 2, 3].map(() => extend({ requirements })));
    for (const view of views) assert.equal(image.parse(view).state, 'BUILDING');
    const done = await built();
    assert.deepEqual([done.state, done.build?.extension], ['READY', 'requirements']);
    assert.equal(image.parse(await extend({ requirements })).state, 'READY');
    assert.equal(api.google.builds.all.length, count + 1);
    const { steps, substitutions } = api.google.buildRequests.at(-1) ?? {};
    assert.equal(steps?.[1]?.args?.at(-1), requirements.replace('$', '$$$$'));
    assert.equal(substitutions?.['_KIND'], 'requirements');
    assert.match(substitutions['_BASE'] ?? '', /^gcr\.io\/p\/datalab-gateway@sha256:/);
    assert.doesNotMatch(api.output(), /scikit-learn/);
  });

  it('is not extended by just anybody, nor with what cannot work', async () => {
    const body = { requirements: 'a' };
    assert.equal(
      (await api.refused('POST', '/v1/image:extend', { body })).status,
      'PERMISSION_DENIED',
    );
    const token = administrator();
    for (const [body, field, message] of [
      [{}, 'requirements', /give one of them/],
      [{ requirements: 'a', dockerfile: 'FROM a' }, 'requirements', /give only one/],
      [{ requirements: '' }, 'requirements', /./],
      [{ requirements: 'a\0' }, 'requirements', /NUL/],
      [{ requirements: '\ud800' }, 'requirements', /half a character/],
      [{ dockerfile: `FROM a #${'€'.repeat(30_000)}` }, 'dockerfile', /at most 65536 bytes/],
      [{ dockerfile: 'FROM a\nCOPY . /' }, 'dockerfile', /line 2: COPY/],
      [{ requirements: 'https://a:hunter2@b/c' }, 'requirements', /line 1: holds a password/],
      [{ requirement: 'a' }, 'requirement', /is not a field/],
    ] as const) {
      const error = await api.refused('POST', '/v1/image:extend', { body, token });
      assert.deepEqual([error.status, error.fields[0]], ['INVALID_ARGUMENT', field]);
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /hunter2/);
    }
    assert.doesNotMatch(api.output(), /hunter2/);
  });
});
