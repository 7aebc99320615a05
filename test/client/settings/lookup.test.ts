// Whether project and zone exist, as Compute Engine says: the emulated one, and what stands in its place.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import type { Flags } from '../../../client/flags.ts';
import type { Credentials } from '../../../client/identity/credentials.ts';
import { checkPlace } from '../../../client/settings/lookup.ts';
import { readSettings } from '../../../client/settings/settings.ts';
import { PROJECT, startCloud, ZONE } from '../../emulator/cloud-fixture.ts';
import { makePlace } from './settings-place.ts';

const as = (token: string): Credentials => ({
  accessToken: () => Promise.resolve(token),
  idToken: () => Promise.reject(new Error('not asked for')),
  forget: () => undefined,
});

function check(t: TestContext, computeUrl: string, flags: Flags, token = 'a-token'): Promise<void> {
  const { io } = makePlace(t, undefined, { default: `[core]\nproject = ${PROJECT}\n` });
  const settings = readSettings(flags, io({ DATALAB_COMPUTE_URL: computeUrl }));
  return checkPlace(settings, as(token), { env: {}, interrupt: AbortSignal.timeout(30_000) });
}

async function answering(t: TestContext, status: number, body: string): Promise<string> {
  const server = createServer((_, response) => response.writeHead(status).end(body)).listen(
    0,
    '127.0.0.1',
  );
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('project and zone', () => {
  it('are said not to exist, and which zones are near', async (t) => {
    const { emulator, token } = await startCloud(t);
    const url = new URL(emulator.ready.urls.compute).origin;
    const asked = (flags: Flags) => check(t, url, flags, token);
    await asked({ project: PROJECT, zone: ZONE });
    await assert.rejects(asked({ project: 'nope', zone: ZONE }), {
      name: 'ClientError',
      message:
        'Project nope does not exist, or you may not see it. It comes from --project. See which there are with: gcloud projects list',
    });
    const near = `Near it: europe-west1-b, europe-west1-c, europe-west1-d. See all of them with: gcloud compute zones list --project ${PROJECT}`;
    await assert.rejects(asked({ project: PROJECT, zone: 'europe-west1-z' }), {
      name: 'ClientError',
      message: `There is no zone europe-west1-z for project ${PROJECT}. ${near}`,
    });
    await assert.rejects(
      asked({ project: PROJECT, zone: ZONE, fallbackZones: 'us-east1-b,us-east1-a' }),
      { message: /^There is no zone us-east1-a for project a-project\. Near it: us-east1-b/ },
    );
    // gcloud's project is not that of a backend which is named by its URL.
    await asked({ apiUrl: 'https://api.example.com', zone: 'europe-west1-z' });
  });

  const error = (code: number) => JSON.stringify({ error: { code, message: 'no' } });
  const noVerdict: [title: string, status: number, body: string][] = [
    ['who may not ask', 403, error(403)],
    ['who is not signed in', 401, error(401)],
    ['a service in trouble', 503, error(503)],
    ['a page of something in between', 404, '<html>Not Found</html>'],
    ['a 404 that is not Google’s', 404, '{"message": "no route"}'],
  ];
  for (const [title, status, body] of noVerdict) {
    it(`are left to the backend for ${title}`, async (t) => {
      await check(t, await answering(t, status, body), { project: 'nope', zone: ZONE });
    });
  }

  it('are left to the backend where Compute Engine cannot be reached', async (t) => {
    await check(t, 'http://127.0.0.1:1', { project: 'nope', zone: ZONE });
  });

  it('are not looked up any more once the run is interrupted', async (t) => {
    const server = createServer(() => undefined).listen(0, '127.0.0.1');
    t.after(() => {
      server.close();
      server.closeAllConnections();
    });
    await once(server, 'listening');
    const { io } = makePlace(t);
    const env = {
      DATALAB_COMPUTE_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    };
    const settings = readSettings({ project: PROJECT, zone: ZONE }, io(env));
    const interrupt = new AbortController();
    const checked = checkPlace(settings, as('a-token'), { env: {}, interrupt: interrupt.signal });
    await once(server, 'request');
    interrupt.abort();
    await assert.rejects(checked, { name: 'AbortError' });
  });
});
