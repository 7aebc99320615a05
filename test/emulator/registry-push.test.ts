// The push half of the emulated registry: what docker does, and what it must not do.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { fetch } from 'undici';
import { openOidcState } from '../../emulator/oidc/state.ts';
import { createTokens } from '../../emulator/oidc/tokens.ts';
import { systemClock } from '../../emulator/clock.ts';
import { PROJECT, startCloud, type Cloud } from './cloud-fixture.ts';

const REPOSITORY = `${PROJECT}/mine`;
const IMAGE_TYPE = 'application/vnd.docker.distribution.manifest.v2+json';

function digestOf(content: string): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

function callerOf({ emulator, token }: Cloud, repository = REPOSITORY, as = token) {
  return async (
    method: string,
    below: string,
    body?: string,
    headers: Record<string, string> = {},
  ) => {
    const url = below.startsWith('/') ? below : `/v2/${repository}/${below}`;
    const reply = await fetch(`${emulator.ready.urls.registry}${url}`, {
      method,
      headers: { authorization: `Bearer ${as}`, ...headers },
      ...(body === undefined ? {} : { body }),
    });
    return { status: reply.status, headers: reply.headers, text: await reply.text() };
  };
}
type Caller = ReturnType<typeof callerOf>;

async function pushBlob(call: Caller, content: string): Promise<{ digest: string; size: number }> {
  const begun = await call('POST', 'blobs/uploads/');
  const half = Math.floor(content.length / 2);
  const location = begun.headers.get('location') ?? '';
  const first = await call('PATCH', location, content.slice(0, half), {
    'content-range': `0-${half - 1}`,
  });
  assert.equal(first.headers.get('range'), `0-${half - 1}`);
  const digest = digestOf(content);
  const done = await call('PUT', `${location}?digest=${digest}`, content.slice(half));
  assert.equal(done.status, 201);
  assert.equal(done.headers.get('docker-content-digest'), digest);
  return { digest, size: content.length };
}

function manifestOf(config: object, layers: object[]): string {
  return JSON.stringify({ schemaVersion: 2, mediaType: IMAGE_TYPE, config, layers });
}

async function pushImage(call: Caller, tag: string, content: string): Promise<string> {
  const manifest = manifestOf(await pushBlob(call, '{"os":"linux"}'), [
    await pushBlob(call, content),
  ]);
  const put = await call('PUT', `manifests/${tag}`, manifest, { 'content-type': IMAGE_TYPE });
  assert.equal(put.status, 201, put.text);
  assert.equal(put.headers.get('docker-content-digest'), digestOf(manifest));
  return digestOf(manifest);
}

describe('a push', () => {
  it('uploads in pieces, and the image is there with its digest', async (t) => {
    const cloud = await startCloud(t);
    const call = callerOf(cloud);
    const digest = await pushImage(call, 'v1', 'a layer');
    for (const reference of ['v1', digest]) {
      const head = await call('HEAD', `manifests/${reference}`, undefined, { accept: IMAGE_TYPE });
      assert.equal(head.headers.get('docker-content-digest'), digest);
    }
    assert.equal((await call('GET', `blobs/${digestOf('a layer')}`)).text, 'a layer');
    assert.match((await call('GET', 'tags/list')).text, /"v1"/);
  });

  it('takes a layer of any size and gives it back byte for byte', async (t) => {
    const cloud = await startCloud(t);
    const call = callerOf(cloud);
    // More than a call to any other API may have.
    const content = 'sixteen bytes...'.repeat(3 * 1024 * 1024);
    const { digest } = await pushBlob(call, content);
    const head = await call('HEAD', `blobs/${digest}`);
    assert.equal(head.headers.get('content-length'), String(content.length));
    assert.equal(digestOf((await call('GET', `blobs/${digest}`)).text), digest);
  });

  it('leaves the connection usable when it is refused before its body is read', async (t) => {
    const cloud = await startCloud(t);
    const anonymous = callerOf(cloud, REPOSITORY, 'none');
    const large = 'x'.repeat(1024 * 1024);
    assert.equal((await anonymous('PATCH', 'blobs/uploads/some', large)).status, 401);
    assert.equal((await callerOf(cloud)('GET', '/v2/')).status, 200);
  });

  it('moves a tag and leaves what it named to those who pinned it', async (t) => {
    const call = callerOf(await startCloud(t));
    const first = await pushImage(call, 'latest', 'old');
    const second = await pushImage(call, 'latest', 'new');
    const head = await call('HEAD', 'manifests/latest');
    assert.equal(head.headers.get('docker-content-digest'), second);
    assert.equal((await call('HEAD', `manifests/${first}`)).status, 200);
  });

  it('is refused when it is not whole', async (t) => {
    const call = callerOf(await startCloud(t));
    const begun = await call('POST', 'blobs/uploads/');
    const location = begun.headers.get('location') ?? '';
    const gap = await call('PATCH', location, 'x', { 'content-range': '5-5' });
    assert.equal(gap.status, 416);
    const wrong = await call('PUT', `${location}?digest=${digestOf('y')}`, 'x');
    assert.match(wrong.text, /DIGEST_INVALID/);
    assert.match(
      (await call('PUT', `${location}?digest=${digestOf('x')}`, 'x')).text,
      /BLOB_UPLOAD_UNKNOWN/,
    );
    const put = async (body: string, type = IMAGE_TYPE, reference = 'v1') =>
      (await call('PUT', `manifests/${reference}`, body, { 'content-type': type })).text;
    const absent = { digest: digestOf('absent'), size: 6 };
    assert.match(await put(manifestOf(absent, [])), /MANIFEST_BLOB_UNKNOWN/);
    assert.match(await put('{}'), /MANIFEST_INVALID/);
    assert.match(await put('{}', 'text/plain'), /MANIFEST_INVALID/);
    const config = await pushBlob(call, '{"os":"linux"}');
    assert.match(await put(manifestOf(config, []), IMAGE_TYPE, digestOf('x')), /DIGEST_INVALID/);
    assert.match(await put(manifestOf(config, []), IMAGE_TYPE, '-bad'), /TAG_INVALID/);
  });

  it('needs a token, the project’s own name, and an account that may write', async (t) => {
    const cloud = await startCloud(t);
    const anonymous = await callerOf(cloud, REPOSITORY, 'none')('POST', 'blobs/uploads/');
    assert.equal(anonymous.status, 401);
    assert.match(
      anonymous.headers.get('www-authenticate') ?? '',
      /scope="repository:a-project\/mine:pull,push"/,
    );
    assert.equal((await callerOf(cloud, 'other/mine')('POST', 'blobs/uploads/')).status, 403);
    const tokens = createTokens(openOidcState(cloud.stateDir), systemClock);
    const email = `datalab-kernels@${PROJECT}.iam.gserviceaccount.com`;
    const kernel = tokens.issueAccessToken({ email, subject: '1' }, '');
    assert.equal((await callerOf(cloud, REPOSITORY, kernel)('POST', 'blobs/uploads/')).status, 403);
  });
});

describe('a manifest', () => {
  it('is deleted once no tag names it', async (t) => {
    const call = callerOf(await startCloud(t));
    const digest = await pushImage(call, 'v1', 'a layer');
    assert.match(
      (await call('DELETE', `manifests/${digest}`)).text,
      /GOOGLE_MANIFEST_DANGLING_TAG/,
    );
    assert.equal((await call('DELETE', 'manifests/v1')).status, 202);
    assert.equal((await call('HEAD', 'manifests/v1')).status, 404);
    assert.equal((await call('DELETE', `manifests/${digest}`)).status, 202);
    assert.equal((await call('HEAD', `manifests/${digest}`)).status, 404);
  });

  it('of the gateway stays deleted when the emulator starts again', async (t) => {
    const cloud = await startCloud(t);
    const gateway = `${PROJECT}/datalab-gateway`;
    assert.equal((await callerOf(cloud, gateway)('DELETE', 'manifests/latest')).status, 202);
    await cloud.emulator.end();
    const again = callerOf(await startCloud(t, { stateDir: cloud.stateDir }), gateway);
    assert.equal((await again('HEAD', 'manifests/latest')).status, 404);
  });
});
