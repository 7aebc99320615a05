// The backend's tokens, from a metadata server that does not always answer.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { AppError } from '../../../functions/errors.ts';
import { lazyGoogleAuth } from '../../../functions/google/credentials.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';
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
    const auth = await lazyGoogleAuth({ callSeconds: 2, projectId: 'a-project' })();
    const isPassing = (error: unknown) => error instanceof AppError && error.isRetryable;
    await assert.rejects(auth.getAccessToken(), isPassing);
    assert.equal(await auth.getAccessToken(), 'a-token');
    const client = await auth.getClient();
    assert.equal((await client.getRequestHeaders()).get('authorization'), 'Bearer a-token');
  });

  it('keep an answer that came too late', async (t) => {
    const { promise, resolve } = Promise.withResolvers<ServerResponse>();
    await startMetadata(t, [resolve, NO_ANSWER]);
    const auth = await lazyGoogleAuth({ callSeconds: 2, projectId: 'a-project' })();
    await assert.rejects(auth.getAccessToken(), AppError);
    WITH_TOKEN(await promise);
    await until('it is used', () => auth.getAccessToken().catch(() => undefined));
  });

  it('are had without gcloud, which takes a second to say which project it is', async (t) => {
    await startMetadata(t, [WITH_TOKEN]);
    const folder = temporaryFolder(t);
    const file = path.join(folder, 'was-run');
    writeFileSync(path.join(folder, 'gcloud'), `#!/bin/sh\ntouch '${file}'\n`, { mode: 0o700 });
    const { PATH: before } = process.env;
    t.after(() => (process.env['PATH'] = before));
    process.env['PATH'] = `${folder}:${before ?? ''}`;
    const auth = await lazyGoogleAuth({ callSeconds: 5, projectId: 'a-project' })();
    assert.equal(await auth.getAccessToken(), 'a-token');
    assert.equal(await auth.getProjectId(), 'a-project');
    assert.ok(!existsSync(file));
  });

  it('sign the requests of Google’s clients', async (t) => {
    await startMetadata(t, [WITH_TOKEN]);
    const auth = await lazyGoogleAuth({ callSeconds: 5, projectId: 'a-project' })();
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
