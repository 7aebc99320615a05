// Google's gcloud against emulated Cloud Build, its log and Pub/Sub, with credentials on, as against Google.
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { BUILD_FILE } from '../../scripts/gateway-build.ts';
import {
  bashBuild,
  digestsOf,
  GATEWAY,
  getBuild,
  logOf,
  runBuild,
  submit,
  untilBuild,
  urlOf,
} from '../emulator/build-fixture.ts';
import { PROJECT, startCloud, type Cloud } from '../emulator/cloud-fixture.ts';
import { requireProgram } from '../helpers/requires.ts';
import { gcloudOf, type Gcloud } from './gcloud.ts';

async function prepare(
  t: TestContext,
  group: 'builds' | 'pubsub',
): Promise<{ cloud: Cloud; gcloud: Gcloud } | undefined> {
  if (!requireProgram(t, 'gcloud')) return undefined;
  const cloud = await startCloud(t, { seedGateway: false });
  return { cloud, gcloud: gcloudOf(t, cloud, group) };
}

describe('gcloud builds against the emulator', () => {
  it('submits cloudbuild/gateway.yaml, waits for the image and shows the log', async (t) => {
    const prepared = await prepare(t, 'builds');
    if (!prepared) return;
    const { cloud, gcloud } = prepared;
    const [built] = await gcloud.json('submit', '--no-source', `--config=${BUILD_FILE}`);
    assert.equal(built?.['status'], 'SUCCESS');
    const [digest] = digestsOf(built);
    const manifest = urlOf(cloud, `/v2/${GATEWAY.replace('gcr.io/', '')}/manifests/latest`);
    const { headers } = await cloud.call('GET', manifest);
    assert.equal(headers.get('docker-content-digest'), digest);

    const [described] = await gcloud.json('describe', String(built['id']));
    assert.deepEqual(described, await getBuild(cloud, built['id']));
    const [listed] = await gcloud.json('list', '--filter=tags=datalab-gateway');
    assert.equal(listed?.['id'], built['id']);
    const { status, stdout, stderr } = await gcloud.run('log', String(built['id']));
    assert.equal(status, 0, stderr);
    for (const line of await logOf(cloud, built['id']))
      assert.ok(stdout.includes(line.trimEnd()), line);
  });

  it('lists what is under way, and cancels it', async (t) => {
    const prepared = await prepare(t, 'builds');
    if (!prepared) return;
    const { cloud, gcloud } = prepared;
    await runBuild(cloud, bashBuild('true'));
    const { id } = await submit(cloud, bashBuild('sleep 600'));
    await untilBuild(cloud, id, 'WORKING');
    const ongoing = await gcloud.json('list', '--ongoing');
    assert.deepEqual(
      ongoing.map((build) => build['id']),
      [id],
    );
    const { status, stderr } = await gcloud.run('cancel', String(id));
    assert.equal(status, 0, stderr);
    await untilBuild(cloud, id, 'CANCELLED');
  });

  it('is told of mistakes and failures in words that it passes on', async (t) => {
    const prepared = await prepare(t, 'builds');
    if (!prepared) return;
    const { cloud, gcloud } = prepared;
    const planned = { step: 1, exitCode: 100, lines: ['E: no network'] };
    await cloud.call('POST', urlOf(cloud, '/control/builds/next'), planned);
    const failed = await gcloud.run('submit', '--no-source', `--config=${BUILD_FILE}`);
    assert.equal(failed.status, 1);
    assert.match(failed.stderr, /BUILD FAILURE: Build step failure: build step 1/);
    const unknown = await gcloud.run(
      'submit',
      '--no-source',
      `--config=${BUILD_FILE}`,
      '--substitutions=_OTHER=x',
    );
    assert.match(unknown.stderr, /key "_OTHER" in the substitution data is not matched/);
    const gone = await gcloud.run('describe', '01234567-89ab-cdef-0123-456789abcdef');
    assert.match(gone.stderr, /NOT_FOUND: Requested entity was not found/);
  });
});

describe('gcloud pubsub against the emulator', () => {
  it('lists, describes and creates topics, and publishes', async (t) => {
    const prepared = await prepare(t, 'pubsub');
    if (!prepared) return;
    const { gcloud } = prepared;
    const name = (id: string) => `projects/${PROJECT}/topics/${id}`;
    assert.deepEqual(await gcloud.json('topics', 'list'), [{ name: name('cloud-builds') }]);
    await gcloud.json('topics', 'create', 'mine');
    assert.deepEqual(await gcloud.json('topics', 'describe', 'mine'), [{ name: name('mine') }]);
    const [published] = await gcloud.json('topics', 'publish', 'mine', '--message=hello');
    assert.equal((published?.['messageIds'] as string[]).length, 1);
    assert.deepEqual(await gcloud.json('subscriptions', 'list'), []);
    const { stderr } = await gcloud.run('topics', 'publish', 'gone', '--message=hello');
    assert.match(stderr, /NOT_FOUND: Resource not found \(resource=gone\)/);
  });
});
