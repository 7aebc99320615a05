// The backend's own modules, with Google's client library in them, against emulated Cloud Build and Logging.
import assert from 'node:assert/strict';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { GoogleAuth, OAuth2Client } from 'google-auth-library';
import { createBuilds, type BuildConfig } from '../../functions/google/cloudbuild.ts';
import { createBuildLog, createLogEntries } from '../../functions/google/logging.ts';
import { BUILD_FILE } from '../../scripts/gateway-build.ts';
import { GATEWAY, logOf, untilBuild, urlOf } from '../emulator/build-fixture.ts';
import { PROJECT, startCloud, type Cloud, type Fields } from '../emulator/cloud-fixture.ts';

const EXTEND_FILE = path.resolve(import.meta.dirname, '../../cloudbuild/extend.yaml');
const TOPIC = `projects/${PROJECT}/topics/cloud-builds`;

async function prepare(t: TestContext, overrides: Partial<BuildConfig> = {}) {
  const cloud = await startCloud(t, { seedGateway: false });
  const config = configOf(cloud, overrides);
  const authClient = new OAuth2Client({ credentials: { access_token: cloud.token } });
  const auth = () => Promise.resolve(new GoogleAuth({ authClient }));
  const buildLog = createBuildLog(createLogEntries(config, auth));
  return { cloud, builds: createBuilds(config, auth), buildLog };
}

function configOf(cloud: Cloud, overrides: Partial<BuildConfig>) {
  const url = urlOf(cloud, '');
  return {
    projectId: PROJECT,
    buildUrl: url,
    loggingUrl: url,
    buildFile: BUILD_FILE,
    gatewayBuild: { baseImage: undefined, pypi: undefined },
    extendFile: EXTEND_FILE,
    buildTopic: TOPIC,
    buildServiceAccount: undefined,
    callSeconds: 10,
    ...overrides,
  };
}

async function blobOf(cloud: Cloud, digest: string): Promise<Buffer> {
  const repository = GATEWAY.replace('gcr.io/', '');
  const headers = { authorization: `Bearer ${cloud.token}` };
  const reply = await fetch(urlOf(cloud, `/v2/${repository}/blobs/${digest}`), { headers });
  return Buffer.from(await reply.arrayBuffer());
}

/** As the registry has it: digests of its layers, and the configuration of its containers. */
async function imageOf(cloud: Cloud, tag: string): Promise<{ layers: string[]; config: Fields }> {
  const repository = GATEWAY.replace('gcr.io/', '');
  const { body } = await cloud.call('GET', urlOf(cloud, `/v2/${repository}/manifests/${tag}`));
  const text = body['text'];
  const manifest = (typeof text === 'string' ? JSON.parse(text) : body) as {
    config: { digest: string };
    layers: { digest: string }[];
  };
  const blob = await blobOf(cloud, manifest.config.digest);
  const { config, rootfs } = JSON.parse(blob.toString()) as {
    config: Fields;
    rootfs: { diff_ids: string[] };
  };
  assert.equal(rootfs.diff_ids.length, manifest.layers.length);
  return { layers: manifest.layers.map(({ digest }) => digest), config };
}

describe('the backend’s builds', () => {
  it('are created, found by their tag and seen to their end', async (t) => {
    const { cloud, builds } = await prepare(t);
    assert.equal(await builds.findBuild('datalab-1'), undefined);
    const version = await builds.sourceHash();
    const request = { image: `${GATEWAY}:stable`, tag: 'datalab-1', version };
    const created = await builds.createBuild(request);
    assert.equal(created.status, 'QUEUED');
    assert.deepEqual(created.tags, ['datalab', 'datalab-gateway', 'datalab-1']);
    assert.match(created.logUrl ?? '', /^https:\/\/console\.cloud\.google\.com\//);
    await untilBuild(cloud, created.id, 'SUCCESS');
    const seen = await builds.getBuild(created.id);
    assert.equal(seen?.status, 'SUCCESS');
    assert.match(seen.startTime ?? '', /^\d{4}-.*Z$/);
    assert.deepEqual(await builds.findBuild('datalab-1'), seen);
    const repository = GATEWAY.replace('gcr.io/', '');
    for (const reference of ['stable', version]) {
      const manifest = urlOf(cloud, `/v2/${repository}/manifests/${reference}`);
      const { headers } = await cloud.call('GET', manifest);
      assert.equal(headers.get('docker-content-digest'), seen.digest);
    }
    assert.equal(await builds.getBuild('01234567-89ab-cdef-0123-456789abcdef'), undefined);
  });

  it('are found newest first', async (t) => {
    const { cloud, builds } = await prepare(t);
    const request = { image: GATEWAY, tag: 'same', version: await builds.sourceHash() };
    const first = await builds.createBuild(request);
    const second = await builds.createBuild(request);
    assert.equal((await builds.findBuild('same'))?.id, second.id);
    for (const { id } of [first, second]) await untilBuild(cloud, id, 'SUCCESS');
  });

  it('say why they failed, with the last lines of their log', async (t) => {
    const { cloud, builds, buildLog } = await prepare(t);
    const lines = ['\u001b[31mE: Unable to locate package\u001b[0m', 'x'.repeat(2000)];
    const planned = { step: 1, exitCode: 100, lines };
    await cloud.call('POST', urlOf(cloud, '/control/builds/next'), planned);
    const { id } = await builds.createBuild({ image: GATEWAY, tag: 'fails', version: 'v' });
    await untilBuild(cloud, id, 'FAILURE');
    const failed = await builds.getBuild(id);
    assert.match(failed?.failureDetail ?? '', /^Build step failure: build step 1 .*status: 100$/);
    assert.equal(failed?.digest, undefined);
    const last = await buildLog.lastLines(id, 4);
    assert.equal(last[0], 'Step #1 - "image": E: Unable to locate package');
    assert.deepEqual([last.length, last[1]?.length, last[2]], [4, 500, 'ERROR']);
    assert.match(last[3] ?? '', /^ERROR: build step 1/);
    assert.deepEqual(await buildLog.lastLines('another', 4), []);
    const all = await buildLog.lastLines(id, 200);
    assert.equal(all.length, (await logOf(cloud, id)).length);
  });

  it('extend an image: its layers and configuration, and what is new', async (t) => {
    const { cloud, builds } = await prepare(t);
    const version = await builds.sourceHash();
    const plain = await builds.createBuild({ image: GATEWAY, tag: 'plain', version });
    await untilBuild(cloud, plain.id, 'SUCCESS');
    const base = `${GATEWAY}@${(await builds.getBuild(plain.id))?.digest ?? ''}`;
    const text = `# costs $5\n${'scikit-learn\n'.repeat(1000)}# ${'€'.repeat(5000)}\n`;
    const source = { kind: 'requirements' as const, hash: 'h', base, isOnBase: true, text };
    const request = { image: `${GATEWAY}:latest`, tag: 'more', version: 'v2', extension: source };
    const { id } = await builds.createBuild(request);
    await untilBuild(cloud, id, 'SUCCESS');
    const before = await imageOf(cloud, version);
    const after = await imageOf(cloud, 'latest');
    assert.deepEqual(await imageOf(cloud, 'v2'), after);
    assert.deepEqual(after.layers.slice(0, -1), before.layers);
    assert.equal(after.layers.length, before.layers.length + 1);
    const { Labels: labels, ...kept } = after.config;
    const { Labels: old, ...known } = before.config;
    assert.deepEqual(kept, known, 'its user, command, environment and folder are the base’s');
    assert.equal((old as Fields)['org.opencontainers.image.version'], version);
    assert.deepEqual(labels, {
      ...(old as Fields),
      'org.opencontainers.image.version': 'v2',
      'org.opencontainers.image.base.name': `${GATEWAY}:latest`,
      'org.opencontainers.image.base.digest': base.split('@')[1],
    });
    const layer = gunzipSync(await blobOf(cloud, after.layers.at(-1) ?? '')).toString();
    assert.ok(layer.includes(text), 'the requirements file has arrived as it is');
    const log = await logOf(cloud, id);
    assert.ok(log.some((line) => line.includes('--requirement /usr/local/share/datalab')));
    assert.ok(log.some((line) => line.includes('not run: the emulator has no container engine')));
    assert.ok(log.some((line) => line.endsWith(': USER jupyter')));
  });

  it('extend an image by a Dockerfile, and say nothing of a base that it does not begin with', async (t) => {
    const { cloud, builds } = await prepare(t);
    const plain = await builds.createBuild({ image: GATEWAY, tag: 'plain', version: 'v1' });
    await untilBuild(cloud, plain.id, 'SUCCESS');
    const base = `${GATEWAY}@${(await builds.getBuild(plain.id))?.digest ?? ''}`;
    const build = async (text: string, isOnBase: boolean) => {
      const extension = { kind: 'dockerfile' as const, hash: 'h', base, isOnBase, text };
      const version = isOnBase ? 'on' : 'off';
      const request = { image: `${GATEWAY}:latest`, tag: version, version, extension };
      await untilBuild(cloud, (await builds.createBuild(request)).id, 'SUCCESS');
      return await imageOf(cloud, version);
    };
    const stages =
      'ARG BASE_IMAGE\nFROM ${BASE_IMAGE} AS one\nRUN echo "$HOME"\nFROM one\nENV A=$b\n';
    const on = await build(stages, true);
    assert.equal(on.layers.length, 2);
    assert.deepEqual([on.config['User'], on.config['Cmd']], ['jupyter', ['start-gateway']]);
    const off = await build('FROM python:3.13\nRUN true\n', false);
    assert.equal(off.layers.length, 1);
    const { 'org.opencontainers.image.base.digest': digest } = off.config['Labels'] as Fields;
    assert.equal(digest, '');
  });

  it('fail with the registry’s words when there is no such base', async (t) => {
    const { cloud, builds } = await prepare(t);
    const base = `${GATEWAY}@sha256:${'0'.repeat(64)}`;
    const extension = { kind: 'requirements' as const, hash: 'h', base, isOnBase: true, text: 'a' };
    const request = { image: `${GATEWAY}:latest`, tag: 'x', version: 'v', extension };
    const { id } = await builds.createBuild(request);
    await untilBuild(cloud, id, 'FAILURE');
    const log = (await logOf(cloud, id)).join('\n');
    assert.match(
      log,
      /Step #0 - "base": Error response from daemon: manifest .* not found: .*name_unknown/,
    );
  });

  it('run as the account that is set', async (t) => {
    const account = `datalab-builder@${PROJECT}.iam.gserviceaccount.com`;
    const { cloud, builds } = await prepare(t, { buildServiceAccount: account });
    const { id } = await builds.createBuild({ image: GATEWAY, tag: 'ours', version: 'v' });
    const build = await untilBuild(cloud, id, 'SUCCESS');
    assert.equal(build['serviceAccount'], `projects/${PROJECT}/serviceAccounts/${account}`);
  });

  it('are refused with an error that says what is wrong', async (t) => {
    const nowhere = `projects/${PROJECT}/topics/nowhere`;
    const { builds } = await prepare(t, { buildTopic: nowhere });
    const request = { image: GATEWAY, tag: 'x', version: 'v' };
    await assert.rejects(builds.createBuild(request), {
      code: 'FAILED_PRECONDITION',
      message: /Cloud Build: .*topics\/nowhere/,
    });
    const unfinished = await prepare(t, { buildFile: '/nonexistent.yaml' });
    await assert.rejects(unfinished.builds.sourceHash(), /nonexistent\.yaml cannot be used/);
    const silent = await prepare(t, { buildUrl: 'http://127.0.0.1:1' });
    await assert.rejects(silent.builds.getBuild('x'), { code: 'UNAVAILABLE', isRetryable: true });
  });
});
