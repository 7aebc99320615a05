// Google's gcloud against the emulated Cloud Scheduler and the sign-in of service accounts; google-auth-library
// judges the token that the scheduler's job carries.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { JWT, OAuth2Client } from 'google-auth-library';
import { PROJECT, startCloud, type Fields } from '../emulator/cloud-fixture.ts';
import { requireProgram } from '../helpers/requires.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';
import { gcloudOf } from './gcloud.ts';

const JOB = 'datalab-reap-idle';
const LOCATION = '--location=us-central1';

describe('gcloud scheduler against the emulator', () => {
  it('lists, describes, pauses and resumes the job, and runs it with a token that Google’s library accepts', async (t) => {
    if (!requireProgram(t, 'gcloud')) return;
    const file = path.join(temporaryFolder(t), 'requests');
    writeFileSync(file, '');
    const source = path.join(import.meta.dirname, '../emulator/three-functions.ts');
    const functions = { source, environment: { REQUESTS_FILE: file } };
    const cloud = await startCloud(t, { functions });
    const gcloud = gcloudOf(t, cloud);
    const jobs = async (...args: string[]): Promise<Fields | Fields[]> => {
      const { status, stdout, stderr } = await gcloud.command([
        'scheduler',
        'jobs',
        ...args,
        LOCATION,
        '--format=json',
      ]);
      assert.equal(status, 0, stderr);
      return JSON.parse(stdout || '{}') as Fields | Fields[];
    };
    const described = (await jobs('describe', JOB)) as Fields;
    assert.equal(described['state'], 'ENABLED');
    assert.deepEqual(await jobs('list'), [described]);
    await jobs('pause', JOB);
    assert.equal(((await jobs('describe', JOB)) as Fields)['state'], 'PAUSED');
    await jobs('resume', JOB);
    const lines = () => readFileSync(file, 'utf8').split('\n').filter(Boolean);
    await until('the function is there', async () => {
      const reply = await fetch(cloud.emulator.ready.urls.reapIdle).catch(() => undefined);
      return reply?.ok;
    });
    const before = lines().length;
    await jobs('run', JOB);
    const line = await until('the function has been called', () => lines()[before]);
    const { headers } = JSON.parse(line) as { headers: Record<string, string> };
    const { urls } = cloud.emulator.ready;
    const endpoints = { oauth2FederatedSignonPemCertsUrl: `${urls.oidc}/oauth2/v1/certs` };
    const ticket = await new OAuth2Client({ endpoints }).verifyIdToken({
      idToken: (headers['authorization'] ?? '').replace('Bearer ', ''),
      audience: urls.reapIdle,
    });
    const account = `datalab-scheduler@${PROJECT}.iam.gserviceaccount.com`;
    assert.equal(ticket.getPayload()?.email, account);
    const mistake = await gcloud.command(['scheduler', 'jobs', 'describe', 'other', LOCATION]);
    assert.match(mistake.stderr, /NOT_FOUND: Job not found/);
  });
});

describe('a service account of team tooling', () => {
  it('signs in with gcloud, for the API and for an audience', async (t) => {
    if (!requireProgram(t, 'gcloud')) return;
    const cloud = await startCloud(t);
    const gcloud = gcloudOf(t, cloud);
    const { credentials } = await cloud.control('POST', '/service-accounts', { name: 'pipeline' });
    const asAccount = { CLOUDSDK_AUTH_ACCESS_TOKEN_FILE: undefined };
    const run = async (...args: string[]) => {
      const { status, stdout, stderr } = await gcloud.command(args, asAccount);
      assert.equal(status, 0, stderr);
      return stdout.trim();
    };
    await run('auth', 'activate-service-account', `--key-file=${String(credentials)}`);
    assert.equal(await run('compute', 'instances', 'list', '--format=json'), '[]');
    const idToken = await run('auth', 'print-identity-token', '--audiences=https://api.example');
    const { oidc } = cloud.emulator.ready.urls;
    const endpoints = { oauth2FederatedSignonPemCertsUrl: `${oidc}/oauth2/v1/certs` };
    const audience = 'https://api.example';
    const ticket = await new OAuth2Client({ endpoints }).verifyIdToken({ idToken, audience });
    assert.equal(ticket.getPayload()?.email, `pipeline@${PROJECT}.iam.gserviceaccount.com`);
  });

  it('signs in with google-auth-library, once that is told where Google is', async (t) => {
    const cloud = await startCloud(t);
    const { key } = await cloud.control('POST', '/service-accounts', { name: 'pipeline' });
    const { client_email: email, private_key: secret, token_uri: tokenUri } = key as Fields;
    const client = new JWT({ email: String(email), key: String(secret) });
    // The library for Node.js does not take token_uri from the file.
    client.transporter.interceptors.request.add({
      resolved: (request) => {
        if (request.url.href === 'https://oauth2.googleapis.com/token') {
          request.url = new URL(String(tokenUri));
        }
        return Promise.resolve(request);
      },
    });
    const idToken = await client.fetchIdToken('https://api.example');
    assert.equal(idToken.split('.').length, 3);
  });
});
