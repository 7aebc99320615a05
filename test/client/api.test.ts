import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { createApi, type Api } from '../../client/api.ts';

const INTERRUPT = new AbortController().signal;

async function apiOver(t: TestContext, listener: RequestListener): Promise<Api> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return createApi({ url, idToken: () => Promise.resolve('a-token'), signal: INTERRUPT });
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
