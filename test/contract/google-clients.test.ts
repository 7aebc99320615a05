// Google's own client libraries, and the client's own tunnel, against the emulator: nothing of it is told that
// it is not Google.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { protos } from '@google-cloud/cloudbuild';
import { CloudBuildClient } from '@google-cloud/cloudbuild/build/src/v1/cloud_build_client.js';
import { InstancesClient } from '@google-cloud/compute/build/src/v1/instances_client.js';
import { ZoneOperationsClient } from '@google-cloud/compute/build/src/v1/zone_operations_client.js';
import { OAuth2Client, UserRefreshClient } from 'google-auth-library';
import { openTunnel } from '../../client/tunnel/connection.ts';
import {
  insert,
  instanceRequest,
  PROJECT,
  signIn,
  startCloud,
  ZONE,
  type Cloud,
} from '../emulator/cloud-fixture.ts';
import { ECHO_PORT } from '../emulator/echo-runtime.ts';
import { until } from '../helpers/until.ts';

const CLIENT_ID = '764086051850-6qr4p6gpi6hn506pt8ejuq83di341hur.apps.googleusercontent.com';

function computeOptions({ emulator, token }: Cloud) {
  const { hostname, port } = new URL(emulator.ready.urls.compute);
  const authClient = new OAuth2Client({ credentials: { access_token: token } });
  return {
    apiEndpoint: hostname,
    port: Number(port),
    protocol: 'http',
    fallback: true as const,
    authClient,
  };
}

describe('@google-cloud/compute', () => {
  it('inserts, waits, lists over all zones, stops and deletes', async (t) => {
    const cloud = await startCloud(t);
    const options = computeOptions(cloud);
    const [instances, operations] = [
      new InstancesClient(options),
      new ZoneOperationsClient(options),
    ];
    const place = { project: PROJECT, zone: ZONE };
    const finish = async (name: string | null | undefined) => {
      const [operation] = await operations.wait({ ...place, operation: name ?? '' });
      assert.equal(operation.error?.errors, undefined);
    };
    const instanceResource = instanceRequest('one');
    const [inserting] = await instances.insert({ ...place, instanceResource });
    await finish((inserting.latestResponse as { name?: string }).name);
    const [instance] = await instances.get({ ...place, instance: 'one' });
    assert.equal(instance.status, 'RUNNING');
    const found: string[] = [];
    const filter = 'labels.datalab-session = "one"';
    for await (const [, list] of instances.aggregatedListAsync({ project: PROJECT, filter })) {
      for (const { name } of list.instances ?? []) found.push(name ?? '');
    }
    assert.deepEqual(found, ['one']);
    const [stopping] = await instances.stop({ ...place, instance: 'one' });
    await finish((stopping.latestResponse as { name?: string }).name);
    const [deleting] = await instances.delete({ ...place, instance: 'one' });
    await finish((deleting.latestResponse as { name?: string }).name);
    await assert.rejects(instances.get({ ...place, instance: 'one' }), { code: 5 }); // NOT_FOUND, out of 404
  });
});

describe('google-auth-library', () => {
  it('verifies ID tokens with the published certificates', async (t) => {
    const cloud = await startCloud(t);
    const { urls, credentials } = cloud.emulator.ready;
    const { id_token: idToken } = await signIn(credentials);
    const endpoints = { oauth2FederatedSignonPemCertsUrl: `${urls.oidc}/oauth2/v1/certs` };
    const verifier = new OAuth2Client({ endpoints });
    const ticket = await verifier.verifyIdToken({ idToken, audience: CLIENT_ID });
    assert.equal(ticket.getPayload()?.email, 'you@example.com');
    const forged = `${idToken.slice(0, -8)}AAAAAAAA`;
    await assert.rejects(verifier.verifyIdToken({ idToken: forged, audience: CLIENT_ID }));
    await assert.rejects(verifier.verifyIdToken({ idToken, audience: 'other' }), /Wrong recipient/);
  });

  it('signs in with the credential file', async (t) => {
    const cloud = await startCloud(t);
    const { credentials, urls } = cloud.emulator.ready;
    const file = JSON.parse(readFileSync(credentials, 'utf8')) as Record<string, string>;
    const client = new UserRefreshClient({
      clientId: file['client_id'] ?? '',
      clientSecret: file['client_secret'] ?? '',
      refreshToken: file['refresh_token'] ?? '',
      // Which the library does not take from the file.
      endpoints: { oauth2TokenUrl: file['token_uri'] ?? '' },
    });
    const { data } = await client.request<{ name: string }>({
      url: `${urls.compute}/projects/${PROJECT}`,
    });
    assert.equal(data.name, PROJECT);
  });

  it('finds application default credentials through the metadata server', async (t) => {
    const cloud = await startCloud(t);
    const program = `
      import { GoogleAuth } from 'google-auth-library';
      const auth = new GoogleAuth({ scopes: 'https://www.googleapis.com/auth/cloud-platform' });
      const client = await auth.getClient();
      const url = '${cloud.emulator.ready.urls.compute}/projects/${PROJECT}';
      const { data } = await client.request({ url });
      const { client_email: email } = await auth.getCredentials();
      console.log(JSON.stringify([client.constructor.name, await auth.getProjectId(), data.name, email]));`;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '-e', program],
      {
        cwd: import.meta.dirname,
        env: {
          HOME: '/nonexistent',
          GCE_METADATA_HOST: new URL(cloud.emulator.ready.urls.oidc).host,
          METADATA_SERVER_DETECTION: 'assume-present',
        },
      },
    );
    const account = `datalab-backend@${PROJECT}.iam.gserviceaccount.com`;
    assert.deepEqual(JSON.parse(stdout), ['Compute', PROJECT, PROJECT, account]);
  });
});

describe('the client’s tunnel', () => {
  const targetOf = (instance: string, port = ECHO_PORT) => ({
    project: PROJECT,
    zone: ZONE,
    instance,
    networkInterface: 'nic0',
    port,
  });

  it('passes megabytes both ways at once through the emulated relay', async (t) => {
    const cloud = await startCloud(t);
    await insert(cloud, 'one');
    const open = (instance: string, port?: number) =>
      openTunnel({
        url: cloud.emulator.ready.urls.iap,
        accessToken: () => Promise.resolve(cloud.token),
        target: targetOf(instance, port),
        env: {},
      });
    await cloud.allowTunnel('one', ECHO_PORT);
    const stream = await until('the instance listens', () => open('one').catch(() => undefined));
    const sent = randomBytes(8_000_000);
    const hash = createHash('sha256');
    let size = 0;
    const all = Promise.withResolvers<undefined>();
    stream.on('error', all.reject);
    stream.on('data', (chunk: Buffer) => {
      hash.update(chunk);
      size += chunk.length;
      if (size === sent.length) all.resolve(undefined);
    });
    stream.write(sent);
    await all.promise;
    assert.equal(hash.digest('hex'), createHash('sha256').update(sent).digest('hex'));
    stream.destroy();
    await assert.rejects(open('two'), { reason: 'notFound' });
    await assert.rejects(open('one', 9), { reason: 'notAllowed' });
    await cloud.allowTunnel('one', 9);
    await assert.rejects(open('one', 9), { reason: 'unreachable' });
  });
});

describe('@google-cloud/cloudbuild', () => {
  it('creates, waits for, lists and gets builds', async (t) => {
    const cloud = await startCloud(t);
    const client = new CloudBuildClient(computeOptions(cloud));
    const build = (script: string) => ({
      steps: [{ name: 'bash', args: ['-c', script] }],
      options: { logging: 'CLOUD_LOGGING_ONLY' as const },
      tags: ['theirs'],
    });
    const [operation] = await client.createBuild({ projectId: PROJECT, build: build('true') });
    const [done] = await operation.promise();
    // Numbers, as Google sends them to its generated clients.
    assert.equal(done.status, protos.google.devtools.cloudbuild.v1.Build.Status.SUCCESS);
    const [got] = await client.getBuild({ projectId: PROJECT, id: done.id ?? '' });
    assert.equal(got.status, 'SUCCESS');
    const [listed] = await client.listBuilds({ projectId: PROJECT, filter: 'tags="theirs"' });
    assert.deepEqual(
      listed.map(({ id }) => id),
      [done.id],
    );
    const [failing] = await client.createBuild({ projectId: PROJECT, build: build('exit 2') });
    await assert.rejects(failing.promise(), /non-zero status: 2/);
    await assert.rejects(client.getBuild({ projectId: PROJECT, id: 'gone' }), { code: 5 });
  });
});
