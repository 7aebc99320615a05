import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { createApi, type Api } from '../../../client/api/api.ts';
import type { ApiOptions } from '../../../client/api/call.ts';
import { openOidcState } from '../../../emulator/oidc/state.ts';
import { createCertificate } from '../../../emulator/oidc/certificate.ts';
import { startStandIn } from '../../helpers/stand-in.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';

const INTERRUPT = new AbortController().signal;

async function apiOver(
  t: TestContext,
  listener: RequestListener,
  change: Partial<ApiOptions> = {},
): Promise<Api> {
  const url = await startStandIn(t, listener);
  return createApi({
    url,
    idToken: () => Promise.resolve('a-token'),
    signal: INTERRUPT,
    ...change,
  });
}

function refusal(code: number, status: string, more: object = {}): string {
  return JSON.stringify({ error: { code, status, message: 'In its own words.', ...more } });
}

/** An ID token for each time that one was forgotten. */
function somebody() {
  const forgotten: string[] = [];
  return {
    forgotten,
    idToken: () => Promise.resolve(`token-${forgotten.length}`),
    forget: (token: string) => void forgotten.push(token),
  };
}

describe('a call to the API', () => {
  it('is tried again after a cut connection and after a platform in trouble', async (t) => {
    let calls = 0;
    const api = await apiOver(t, (request, response) => {
      calls += 1;
      if (calls === 1) request.socket.destroy();
      else if (calls === 2) response.writeHead(503).end('Service Unavailable');
      else response.end('{"sessions":[]}');
    });
    assert.deepEqual(await api.listSessions(), []);
    assert.equal(calls, 3);
  });

  it('is tried again when Google wants the API to call more slowly', async (t) => {
    let calls = 0;
    const api = await apiOver(t, (_, response) => {
      calls += 1;
      const error = { code: 429, status: 'RESOURCE_EXHAUSTED', message: 'Compute Engine: slower' };
      if (calls === 1) response.writeHead(429).end(JSON.stringify({ error }));
      else response.end('{"sessions":[]}');
    });
    assert.deepEqual(await api.listSessions(), []);
    assert.equal(calls, 2);
  });

  it('sends the token twice, for the platform and for us', async (t) => {
    const seen: unknown[] = [];
    const api = await apiOver(t, ({ headers }, response) => {
      seen.push(headers.authorization, headers['x-serverless-authorization']);
      response.end('{"sessions":[]}');
    });
    await api.listSessions();
    assert.deepEqual(seen, ['Bearer a-token', 'Bearer a-token']);
  });

  it('ends at once with the API’s own words when it refuses', async (t) => {
    let calls = 0;
    const api = await apiOver(t, (_, response) => {
      calls += 1;
      const error = { code: 400, status: 'FAILED_PRECONDITION', message: 'Not ready.' };
      response.writeHead(400).end(JSON.stringify({ error }));
    });
    await assert.rejects(api.connect('x'), {
      message: 'Not ready.',
      status: 'FAILED_PRECONDITION',
    });
    assert.equal(calls, 1);
  });

  it('names a login page and an answer of another version for what they are', async (t) => {
    const html = await apiOver(t, (_, response) => response.end('<html>Sign in</html>'));
    await assert.rejects(html.listSessions(), /a web page that is not the Datalab API/);
    const other = await apiOver(t, (_, response) => response.end('{"sessions":[{"id":1}]}'));
    await assert.rejects(other.listSessions(), /not as expected \(sessions\.0\.id\)/);
  });

  it('follows page tokens to the end of the list', async (t) => {
    const queries: (string | undefined)[] = [];
    const api = await apiOver(t, ({ url }, response) => {
      queries.push(url);
      response.end(
        JSON.stringify({ sessions: [], ...(queries.length < 3 ? { nextPageToken: 'a b' } : {}) }),
      );
    });
    await api.listSessions();
    assert.equal(queries.length, 3);
    assert.match(queries[1] ?? '', /pageToken=a%20b$/);
  });
});

describe('a token that the API refuses', () => {
  const refusals: [string, string, number][] = [
    ['the API', refusal(401, 'UNAUTHENTICATED'), 401],
    ['the platform', '<html><title>401</title></html>', 401],
  ];
  for (const [who, text, status] of refusals) {
    it(`is replaced by another one, once (${who})`, async (t) => {
      const { forgotten, ...caller } = somebody();
      const api = await apiOver(
        t,
        ({ headers }, response) => {
          if (headers.authorization === 'Bearer token-0') response.writeHead(status).end(text);
          else response.end('{"sessions":[]}');
        },
        caller,
      );
      assert.deepEqual(await api.listSessions(), []);
      assert.deepEqual(forgotten, ['token-0']);
    });

    it(`is told when the next one is refused too (${who})`, async (t) => {
      const { forgotten, ...caller } = somebody();
      const place = { signInCommand: 'gcloud auth login ann@example.com', urlOrigin: '--api-url' };
      const refuse: RequestListener = (_, response) => response.writeHead(status).end(text);
      const api = await apiOver(t, refuse, { ...caller, place });
      await assert.rejects(
        api.listSessions(),
        /\(from --api-url\) does not accept your sign-in.* again with: gcloud auth login ann@example\.com$/,
      );
      assert.equal(forgotten.length, 1);
    });
  }
});

describe('a backend of another version', () => {
  const answers: [string, string][] = [
    [
      'does not know a field',
      refusal(400, 'INVALID_ARGUMENT', {
        details: [
          {
            '@type': 'type.googleapis.com/google.rpc.BadRequest',
            fieldViolations: [{ field: 'spot', description: 'is not a field of this request' }],
          },
        ],
      }),
    ],
    [
      'does not know a method',
      refusal(404, 'NOT_FOUND', { message: 'There is nothing at /v1/x.' }),
    ],
  ];
  for (const [what, text] of answers) {
    it(`${what}: both versions are named, if it says its own`, async (t) => {
      let health = '{"status":"ok","version":"0.0.9"}';
      const api = await apiOver(t, ({ url }, response) => {
        if (url === '/health') response.end(health);
        else
          response
            .writeHead((JSON.parse(text) as { error: { code: number } }).error.code)
            .end(text);
      });
      const both =
        /do not fit: it does not know (spot|what was asked for); it is of version 0\.0\.9, this client of \d/;
      await assert.rejects(api.createSession({ spot: true }), both);
      health = '{"status":"ok"}';
      await assert.rejects(
        api.createSession({}),
        /does not say its version, and this client is \d/,
      );
    });
  }

  it('is not meant by a session that is not there, or a field with a wrong value', async (t) => {
    let text = refusal(404, 'NOT_FOUND', { message: 'There is no session x.' });
    const api = await apiOver(t, (_, response) => response.writeHead(404).end(text));
    await assert.rejects(api.getSession('x'), {
      status: 'NOT_FOUND',
      message: 'There is no session x.',
    });
    text = refusal(400, 'INVALID_ARGUMENT');
    await assert.rejects(api.getSession('x'), { message: 'In its own words.' });
  });
});

describe('a certificate that nobody knows', () => {
  it('is named at once, with what a proxy’s needs', async (t) => {
    const { privateKey } = openOidcState(temporaryFolder(t));
    const day = 86_400_000;
    const cert = createCertificate({
      commonName: 'a proxy',
      privateKey,
      notBefore: new Date(Date.now() - day),
      notAfter: new Date(Date.now() + day),
      addresses: ['127.0.0.1'],
    });
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' });
    const strange = createServer({ key, cert }).listen(0, '127.0.0.1');
    t.after(() => strange.close());
    await once(strange, 'listening');
    const url = `https://127.0.0.1:${(strange.address() as AddressInfo).port}`;
    const api = createApi({ url, idToken: () => Promise.resolve('a-token'), signal: INTERRUPT });
    await assert.rejects(api.listSessions(), /DEPTH_ZERO_SELF_SIGNED_CERT.*NODE_EXTRA_CA_CERTS/);
    const plain = await startStandIn(t, (_, response) => response.end());
    const wrong = createApi({
      url: plain.replace('http:', 'https:'),
      idToken: () => Promise.resolve('a-token'),
      signal: INTERRUPT,
    });
    await assert.rejects(wrong.listSessions(), /TLS/);
  });
});
