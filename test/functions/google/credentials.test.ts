// The backend's tokens, from a metadata server that does not always answer.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { AppError } from '../../../functions/errors.ts';
import { lazyGoogleAuth } from '../../../functions/google/credentials.ts';
import { until } from '../../helpers/until.ts';

const NO_ANSWER = () => undefined;
const WITH_TOKEN = (response: ServerResponse) => {
  response.end(JSON.stringify({ access_token: 'a-token', expires_in: 3600 }));
};

/** Answers the calls for a token in this order, and the last way from then on. */
async function startMetadata(
  t: TestContext,
  answers: ((response: ServerResponse) => unknown)[],
): Promise<void> {
  const server = createServer((request, response) => {
    response.setHeader('metadata-flavor', 'Google');
    if (request.url?.includes('/token') !== true) {
      response.end('a-project');
      return;
    }
    const [answer = WITH_TOKEN] = answers.length > 1 ? answers.splice(0, 1) : answers;
    answer(response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  // As on Cloud Run.
  process.env['GCE_METADATA_HOST'] = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  process.env['METADATA_SERVER_DETECTION'] = 'assume-present';
  process.env['K_SERVICE'] = 'api';
}

describe('the backend’s credentials', () => {
  it('are asked for anew after a question that was never answered', async (t) => {
    await startMetadata(t, [NO_ANSWER, WITH_TOKEN]);
    const auth = await lazyGoogleAuth({ callSeconds: 2 })();
    const isPassing = (error: unknown) => error instanceof AppError && error.isRetryable;
    await assert.rejects(auth.getAccessToken(), isPassing);
    assert.equal(await auth.getAccessToken(), 'a-token');
    const client = await auth.getClient();
    assert.equal((await client.getRequestHeaders()).get('authorization'), 'Bearer a-token');
  });

  it('keep an answer that came too late', async (t) => {
    const { promise, resolve } = Promise.withResolvers<ServerResponse>();
    await startMetadata(t, [resolve, NO_ANSWER]);
    const auth = await lazyGoogleAuth({ callSeconds: 2 })();
    await assert.rejects(auth.getAccessToken(), AppError);
    WITH_TOKEN(await promise);
    await until('it is used', () => auth.getAccessToken().catch(() => undefined));
  });

  it('sign the requests of Google’s clients', async (t) => {
    await startMetadata(t, [WITH_TOKEN]);
    const auth = await lazyGoogleAuth({ callSeconds: 5 })();
    let authorization: string | undefined;
    const api = createServer((request, response) => {
      ({ authorization } = request.headers);
      response.end('{}');
    }).listen(0, '127.0.0.1');
    t.after(() => api.close());
    await once(api, 'listening');
    await auth.fetch(`http://127.0.0.1:${(api.address() as AddressInfo).port}/`);
    assert.equal(authorization, 'Bearer a-token');
  });
});
