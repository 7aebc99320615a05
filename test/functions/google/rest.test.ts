// JSON calls to Google: bounded, with what comes before them.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { GoogleAuth, OAuth2Client } from 'google-auth-library';
import { z } from 'zod';
import { callJson } from '../../../functions/google/rest.ts';

describe('a call that waits too long for its token', () => {
  it('is not made after all when the token comes: others may have gone on', async (t) => {
    let calls = 0;
    const server = createServer((_request, response) => {
      calls += 1;
      response.end('{}');
    });
    t.after(() => {
      server.close();
      server.closeAllConnections();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}/`;

    const authClient = new OAuth2Client({ credentials: { access_token: 'token' } });
    const google = new GoogleAuth({ authClient });
    const stalled = Promise.withResolvers<GoogleAuth>();
    const options = { name: 'X', callSeconds: 0.05, auth: () => stalled.promise };
    const call = callJson({ method: 'POST', url, body: {} }, z.object({}), options);
    await assert.rejects(call, { code: 'UNAVAILABLE', isRetryable: true });
    stalled.resolve(google);

    // The next one is made, so the first one had its chance.
    const auth = () => Promise.resolve(google);
    await callJson({ method: 'POST', url, body: {} }, z.object({}), {
      ...options,
      callSeconds: 10,
      auth,
    });
    assert.equal(calls, 1);
  });
});
