// The registry, and who gets to see the backend's credentials there.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { GoogleAuth, OAuth2Client } from 'google-auth-library';
import { createRegistry } from '../../../functions/google/registry.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;

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

  for (const host of ['localhost:1', 'gcr.io.localhost:1', 'notgcr.io.localhost:1']) {
    it(`gets no credentials when it is not Google’s, such as ${host}`, async () => {
      const { auth, seen } = credentials();
      const registry = createRegistry({ registryUrl: undefined, callSeconds: 10 }, auth);
      await assert.rejects(registry.findPinned(`${host}/somebody/else`), { code: 'UNAVAILABLE' });
      assert.equal(seen.count, 0);
    });
  }
});
