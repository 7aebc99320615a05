// The registry, and who gets to see the backend's credentials there.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { GoogleAuth, OAuth2Client } from 'google-auth-library';
import { createRegistry, type Registry } from '../../../functions/google/registry.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;

/** Answers by path; what is not there is not found. */
async function serve(
  t: TestContext,
  answers: Readonly<Record<string, unknown>>,
  status = 200,
): Promise<Registry> {
  const server = createServer((request, response) => {
    const body = answers[request.url ?? ''];
    response.writeHead(body === undefined ? 404 : status);
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => server.close());
  const registryUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return createRegistry({ registryUrl, callSeconds: 10 }, credentials().auth);
}

const OTHER = `sha256:${'b'.repeat(64)}`;
const CONFIG = `sha256:${'c'.repeat(64)}`;
const IMAGE = `gcr.io/p/own@${DIGEST}`;
const manifestAt = (digest: string) => `/v2/p/own/manifests/${digest}`;
const BLOB = `/v2/p/own/blobs/${CONFIG}`;
const MANIFEST = {
  schemaVersion: 2,
  config: { digest: CONFIG, size: 7 },
  layers: [
    { digest: OTHER, size: 1000 },
    { digest: OTHER, size: 20 },
  ],
};
const CONFIGURATION = {
  created: '2026-11-25T12:00:00.123456789Z',
  config: { Labels: { 'org.opencontainers.image.version': '1' } },
};
const FACTS = {
  sizeBytes: 1027,
  createTime: '2026-11-25T12:00:00.123Z',
  labels: { 'org.opencontainers.image.version': '1' },
};

function credentials() {
  const authClient = new OAuth2Client({ credentials: { access_token: 'secret' } });
  const seen = { count: 0 };
  const auth = () => {
    seen.count += 1;
    return Promise.resolve(new GoogleAuth({ authClient }));
  };
  return { auth, seen };
}

describe('the registry', () => {
  it('is asked with the backend’s credentials, and answers the image with its digest', async (t) => {
    const asked: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      asked.push(request.headers.authorization);
      response.writeHead(200, { 'docker-content-digest': DIGEST }).end();
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    t.after(() => server.close());
    const registryUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const registry = createRegistry({ registryUrl, callSeconds: 10 }, credentials().auth);
    assert.equal(await registry.findPinned('gcr.io/p/own:1'), `gcr.io/p/own@${DIGEST}`);
    assert.deepEqual(asked, ['Bearer secret']);
  });

  it('tells size, age and labels of an image', async (t) => {
    const registry = await serve(t, { [manifestAt(DIGEST)]: MANIFEST, [BLOB]: CONFIGURATION });
    assert.deepEqual(await registry.describe(IMAGE), FACTS);
  });

  it('tells those of the image for our machines, where there is one for each platform', async (t) => {
    const platform = (architecture: string) => ({ os: 'linux', architecture });
    const manifests = [
      { digest: CONFIG, size: 1, platform: platform('arm64') },
      { digest: CONFIG, size: 1 },
      { digest: OTHER, size: 1, platform: platform('amd64') },
    ];
    const [index, manifest] = [manifestAt(DIGEST), manifestAt(OTHER)];
    const answers = { [index]: { manifests }, [manifest]: MANIFEST, [BLOB]: CONFIGURATION };
    assert.deepEqual(await (await serve(t, answers)).describe(IMAGE), FACTS);
    const foreign = await serve(t, { ...answers, [index]: { manifests: manifests.slice(0, 2) } });
    assert.equal(await foreign.describe(IMAGE), undefined);
  });

  it('knows no age of an image that says none, or year 1', async (t) => {
    for (const created of [undefined, null, 'yesterday', '0001-01-01T00:00:00Z']) {
      const answers = { [manifestAt(DIGEST)]: MANIFEST, [BLOB]: { created, config: null } };
      const facts = await (await serve(t, answers)).describe(IMAGE);
      assert.deepEqual(facts, { sizeBytes: 1027, createTime: undefined, labels: {} });
    }
  });

  it('knows nothing of an image that is gone, or that is none', async (t) => {
    assert.equal(await (await serve(t, {})).describe(IMAGE), undefined);
    const odd = await serve(t, { [manifestAt(DIGEST)]: { schemaVersion: 1 } });
    assert.equal(await odd.describe(IMAGE), undefined);
  });

  it('fails with a reason when it answers nonsense, without end, or not', async (t) => {
    const path = manifestAt(DIGEST);
    for (const answer of ['<html>', `"${'x'.repeat(5_000_000)}"`]) {
      const registry = await serve(t, { [path]: answer });
      await assert.rejects(registry.describe(IMAGE), { code: 'UNAVAILABLE' });
    }
    const forbidden = await serve(t, { [path]: {} }, 403);
    await assert.rejects(forbidden.describe(IMAGE), { code: 'PERMISSION_DENIED' });
  });

  for (const host of ['localhost:1', 'gcr.io.localhost:1', 'notgcr.io.localhost:1']) {
    it(`gets no credentials when it is not Google’s, such as ${host}`, async () => {
      const { auth, seen } = credentials();
      const registry = createRegistry({ registryUrl: undefined, callSeconds: 10 }, auth);
      await assert.rejects(registry.findPinned(`${host}/somebody/else`), { code: 'UNAVAILABLE' });
      assert.equal(seen.count, 0);
    });
  }
});
