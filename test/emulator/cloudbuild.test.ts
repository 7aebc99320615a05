// Emulated Cloud Build: what it runs, what it refuses, how builds end.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { NO_DURATIONS } from '../../emulator/options.ts';
import { findLeashed } from '../../emulator/runtime/processes.ts';
import { until } from '../helpers/until.ts';
import {
  bashBuild,
  digestsOf,
  GATEWAY,
  gatewayBuild,
  getBuild,
  imageBuild,
  logOf,
  runBuild,
  submit,
  untilBuild,
  urlOf,
} from './build-fixture.ts';
import { PROJECT, startCloud, type Cloud, type Fields } from './cloud-fixture.ts';

const BUILDS = `/v1/projects/${PROJECT}/builds`;

function leashed(id: unknown): number[] {
  return findLeashed((leash) => leash.endsWith(`/build-${String(id)}`));
}

async function headers(cloud: Cloud, reference: string): Promise<string | null> {
  const name = GATEWAY.replace('gcr.io/', '');
  const reply = await cloud.call('GET', urlOf(cloud, `/v2/${name}/manifests/${reference}`));
  return reply.status === 200 ? reply.headers.get('docker-content-digest') : null;
}

/** Manifests and blobs have types of their own, which the fixture does not parse. */
function jsonOf(body: Fields): Fields {
  return typeof body['text'] === 'string' ? (JSON.parse(body['text']) as Fields) : body;
}

describe('a build of the gateway image', () => {
  it('pushes it where there was none, with the digest that the registry has then', async (t) => {
    const cloud = await startCloud(t, { seedGateway: false });
    assert.equal(await headers(cloud, 'latest'), null);
    const build = await runBuild(cloud, gatewayBuild());
    const [digest = '', ...others] = digestsOf(build);
    assert.match(digest, /^sha256:[0-9a-f]{64}$/);
    assert.deepEqual(others, [digest]);
    assert.equal(await headers(cloud, 'latest'), digest);
    const { _VERSION: version = '' } = build['substitutions'] as Record<string, string>;
    assert.equal(await headers(cloud, version), digest);
    const log = await logOf(cloud, build['id']);
    const shown = log.join('\n');
    assert.match(shown, /"image": Error response from daemon: manifest for .*:latest not found/);
    assert.match(shown, /"image": There is no image whose layers could be used again/);
    assert.match(shown, /"image": Step 1\/\d+ : ARG BASE_IMAGE=debian:trixie-slim/);
    assert.doesNotMatch(shown, /Using cache/);
    assert.equal(log.at(-1), 'DONE');
  });

  it('uses the layers of the image that is there, as far as they are the same', async (t) => {
    const cloud = await startCloud(t);
    const cachedIn = async (build: Fields) => {
      const log = await logOf(cloud, (await runBuild(cloud, build))['id']);
      return log.filter((line) => line.endsWith('---> Using cache')).length;
    };
    const build = gatewayBuild();
    assert.equal(await cachedIn(build), 0, 'the seeded image has none of them');
    const all = await cachedIn(build);
    assert.ok(all > 10);
    const substitutions = { ...(build['substitutions'] as Fields), _PYPI: 'none' };
    const some = await cachedIn({ ...build, substitutions });
    assert.ok(some > 0 && some < all, `${some} of ${all}`);
    const other = { ...substitutions, _BASE_IMAGE: 'debian:forky-slim' };
    assert.equal(await cachedIn({ ...build, substitutions: other }), 0);
  });

  it('is labelled with its version, starts Jupyter as its user, and is looked after', async (t) => {
    const cloud = await startCloud(t);
    const build = await runBuild(cloud, gatewayBuild());
    const name = GATEWAY.replace('gcr.io/', '');
    const get = (below: string) => cloud.call('GET', urlOf(cloud, `/v2/${name}/${below}`));
    const manifest = jsonOf((await get('manifests/latest')).body);
    const { digest } = manifest['config'] as { digest: string };
    const config = jsonOf((await get(`blobs/${digest}`)).body)['config'] as Fields;
    const { _VERSION: version } = build['substitutions'] as Record<string, string>;
    const labels = config['Labels'] as Record<string, string>;
    assert.equal(labels['org.opencontainers.image.version'], version);
    assert.equal(labels['org.opencontainers.image.licenses'], 'Apache-2.0');
    assert.deepEqual(config['Cmd'], ['start-gateway']);
    assert.equal(config['User'], 'jupyter');
    const check = config['Healthcheck'] as Fields;
    assert.deepEqual((check['Test'] as string[]).slice(0, 2), ['CMD', 'curl']);
    assert.deepEqual([check['Interval'], check['Retries']], [30e9, 3]);
  });

  it('is the same image for the same source, and another one for another', async (t) => {
    const cloud = await startCloud(t);
    const [first] = digestsOf(await runBuild(cloud, imageBuild('FROM debian\nRUN true\n')));
    const [again] = digestsOf(await runBuild(cloud, imageBuild('FROM debian\nRUN true\n')));
    const [other] = digestsOf(await runBuild(cloud, imageBuild('FROM debian\nRUN false\n')));
    assert.equal(again, first);
    assert.notEqual(other, first);
  });

  it('outlives the emulator, and no image is seeded over it', async (t) => {
    const cloud = await startCloud(t);
    const build = await runBuild(cloud, gatewayBuild());
    await cloud.emulator.end();
    const again = await startCloud(t, { stateDir: cloud.stateDir });
    assert.deepEqual(await getBuild(again, build['id']), build);
    assert.equal(await headers(again, 'latest'), digestsOf(build)[0]);
    assert.equal((await logOf(again, build['id'])).at(-1), 'DONE');
  });
});

describe('the steps of a build', () => {
  it('share a workspace, in order, with the build’s environment and substitutions', async (t) => {
    const cloud = await startCloud(t);
    const build = await runBuild(cloud, {
      ...bashBuild(''),
      steps: [
        { name: 'bash', args: ['-c', 'echo "$PROJECT_ID $$A $_B" >file'], env: ['A=a'] },
        { name: 'bash', id: 'second', dir: 'below', args: ['-c', 'cat ../file; pwd >&2'] },
      ],
      substitutions: { _B: 'of $BUILD_ID' },
      options: { logging: 'CLOUD_LOGGING_ONLY', dynamicSubstitutions: true, env: ['C=c'] },
    });
    const log = await logOf(cloud, build['id']);
    const said = log.filter((line) => line.startsWith('Step #1 - "second": '));
    assert.equal(said[1], `Step #1 - "second": ${PROJECT} a of ${String(build['id'])}`);
    assert.match(said[2] ?? '', /workspace\/below$/);
    assert.deepEqual(
      (build['steps'] as Fields[]).map(({ status }) => status),
      ['SUCCESS', 'SUCCESS'],
    );
    assert.deepEqual(readdirSync(path.join(cloud.stateDir, 'builds')), []);
  });

  it('end the build when one fails, and say which and how', async (t) => {
    const cloud = await startCloud(t);
    const build = await runBuild(
      cloud,
      {
        ...bashBuild(''),
        steps: [
          { name: 'bash', args: ['-c', 'echo no; exit 3'] },
          { name: 'bash', args: ['-c', 'true'] },
        ],
      },
      'FAILURE',
    );
    assert.deepEqual(build['failureInfo'], {
      type: 'USER_BUILD_STEP',
      detail: 'Build step failure: build step 0 "bash" failed: step exited with non-zero status: 3',
    });
    assert.equal(build['results'], undefined);
    const log = await logOf(cloud, build['id']);
    assert.ok(log.includes('Step #0: no'));
    assert.ok(!log.some((line) => line.startsWith('Starting Step #1')));
  });

  it('end as the control API was told, once', async (t) => {
    const cloud = await startCloud(t);
    const planned = { step: 1, exitCode: 100, lines: ['E: Unable to locate package'] };
    const told = await cloud.call('POST', urlOf(cloud, '/control/builds/next'), planned);
    assert.equal(told.status, 200);
    const build = await runBuild(cloud, gatewayBuild(), 'FAILURE');
    const log = await logOf(cloud, build['id']);
    assert.ok(log.includes('Step #1 - "image": E: Unable to locate package'));
    assert.match(String(build['statusDetail']), /build step 1 .* non-zero status: 100/);
    await runBuild(cloud, gatewayBuild());
  });

  it('cannot push what they have not built, nor to another project', async (t) => {
    const cloud = await startCloud(t);
    const images = [`gcr.io/${PROJECT}/x:1`];
    const unbuilt = await runBuild(cloud, bashBuild('true', { images }), 'FAILURE');
    assert.match(JSON.stringify(unbuilt['failureInfo']), /PUSH_IMAGE_NOT_FOUND/);
    const foreign = await runBuild(cloud, imageBuild('FROM debian', 'gcr.io/other/x'), 'FAILURE');
    assert.match(JSON.stringify(foreign['failureInfo']), /PUSH_FAILED.*denied: Permission/);
  });
});

describe('docker in a step', () => {
  const refusals = [
    ['', /the Dockerfile \(Dockerfile\) cannot be empty/],
    ['RUN true', /no build stage in current context/],
    ['FROM debian\nFETCH x', /dockerfile parse error line 2: unknown instruction: FETCH/],
    ['FROM debian as', /FROM requires either one or three arguments/],
    ['FROM Debian!', /invalid reference format/],
    ['FROM debian\nENV A', /dockerfile parse error line 2: ENV must have two arguments/],
    ['FROM debian\nCOPY gone /there', /COPY failed: file not found in build context.*stat gone/],
    ['FROM debian\nRUN <<END\necho', /unterminated heredoc/],
    ['ARG BASE\nFROM $${BASE}', /base name \(\$\{BASE\}\) should not be blank/],
    ['ARG BASE=Debian!\nFROM $$BASE', /failed to parse stage name "Debian!"/],
    ['FROM debian\nHEALTHCHECK curl x', /Unknown type "curl" in HEALTHCHECK \(try CMD\)/],
    ['FROM debian\nHEALTHCHECK --every=1s CMD x', /unknown or invalid flag: --every=1s/],
  ] as const;
  it('refuses what is no Dockerfile', async (t) => {
    const cloud = await startCloud(t);
    for (const [dockerfile, message] of refusals) {
      const build = await runBuild(cloud, imageBuild(dockerfile), 'FAILURE');
      assert.match((await logOf(cloud, build['id'])).join('\n'), message);
    }
  });

  it('refuses what needs an engine or is no flag', async (t) => {
    const cloud = await startCloud(t);
    for (const args of [
      ['run', 'debian'],
      ['build', '--frob', '.'],
      ['build'],
      ['push', 'UPPER'],
      ['pull', '--all-tags', GATEWAY],
      ['pull', `${GATEWAY}:gone`],
    ]) {
      const steps = [{ name: 'gcr.io/cloud-builders/docker', args }];
      await runBuild(cloud, bashBuild('', { steps }), 'FAILURE');
    }
  });
});

describe('a build that is ended', () => {
  it('by its creator, loses its processes at once', async (t) => {
    const cloud = await startCloud(t);
    const { id } = await submit(cloud, bashBuild('sleep 600 & sleep 600'));
    await untilBuild(cloud, id, 'WORKING');
    await until('it runs', () => leashed(id).length > 2);
    const reply = await cloud.call('POST', urlOf(cloud, `${BUILDS}/${String(id)}:cancel`), {});
    assert.equal(reply.body['status'], 'CANCELLED');
    await until('its processes are gone', () => leashed(id).length === 0, 5);
    const again = await cloud.call('POST', urlOf(cloud, `${BUILDS}/${String(id)}:cancel`), {});
    assert.match(JSON.stringify(again.body), /FAILED_PRECONDITION/);
  });

  it('by its time limit', async (t) => {
    const cloud = await startCloud(t);
    const build = await runBuild(cloud, bashBuild('sleep 600', { timeout: '1s' }), 'TIMEOUT');
    await until('the log says so', async () => {
      return (await logOf(cloud, build['id'])).includes('ERROR: context deadline exceeded');
    });
    const steps = [{ name: 'bash', args: ['-c', 'sleep 600'], timeout: '1s' }];
    const other = await runBuild(cloud, bashBuild('', { steps }), 'FAILURE');
    assert.match(String(other['statusDetail']), /step timed out/);
  });

  it('by a power cut, is lost; one that was queued begins', async (t) => {
    const cloud = await startCloud(t);
    const { id } = await submit(cloud, bashBuild('sleep 600'));
    await until('it runs', () => leashed(id).length > 1);
    await cloud.emulator.end();
    assert.deepEqual(leashed(id), []);
    const { stateDir } = cloud;
    const slow = { ...NO_DURATIONS, buildQueueMilliseconds: 600_000 };
    const second = await startCloud(t, { stateDir, durations: slow });
    assert.match(
      String((await untilBuild(second, id, 'INTERNAL_ERROR'))['statusDetail']),
      /was lost/,
    );
    const queued = await submit(second, bashBuild('true'));
    assert.equal(queued['status'], 'QUEUED');
    await second.emulator.end();
    await untilBuild(await startCloud(t, { stateDir }), queued['id'], 'SUCCESS');
  });
});

describe('a build request', () => {
  const long = 'x'.repeat(10_001);
  const step = (fields: Fields) => ({ ...bashBuild(''), steps: [{ name: 'bash', ...fields }] });
  const refusals: [Fields, number, RegExp][] = [
    [{ ...bashBuild(''), stepz: [] }, 400, /Unknown name "stepz": Cannot find field/],
    [step({ arg: [] }), 400, /Unknown name "arg" at 'build.steps\[0\]'/],
    [{ ...bashBuild(''), steps: [] }, 400, /no build steps are specified/],
    [bashBuild(long), 400, /invalid .steps field: build step 0 arg 1 too long \(max: 10000\)/],
    [
      bashBuild('$_GONE'),
      400,
      /key in the template "_GONE" is not matched in the substitution data/,
    ],
    [bashBuild('$GONE'), 400, /key in the template "GONE" is not a valid built-in substitution/],
    [
      bashBuild('', { substitutions: { _A: 'a' } }),
      400,
      /key "_A" in the substitution data is not matched in the template/,
    ],
    [bashBuild('', { substitutions: { a: 'a' } }), 400, /substitution key "a" does not respect/],
    [bashBuild('', { images: ['No Name'] }), 400, /invalid image name "No Name"/],
    [bashBuild('', { tags: ['no tag'] }), 400, /invalid build tag "no tag"/],
    [bashBuild('', { timeout: '1h' }), 400, /invalid duration "1h"/],
    [
      bashBuild('', { options: { logging: 'CLOUD_LOGGING_ONLY', pubsubTopic: 'cloud-builds' } }),
      400,
      /invalid pubsub topic "cloud-builds"/,
    ],
    [
      bashBuild('', {
        options: { logging: 'CLOUD_LOGGING_ONLY', pubsubTopic: `projects/${PROJECT}/topics/gone` },
      }),
      400,
      /pubsub topic ".*gone" does not exist/,
    ],
    [
      { steps: [{ name: 'bash' }], serviceAccount: `projects/${PROJECT}/serviceAccounts/a@b.c` },
      400,
      /if 'build.service_account' is specified/,
    ],
    [step({ script: 'true' }), 501, /does not emulate field 'build.steps\[0\].script'/],
    [step({ name: 'gcr.io/cloud-builders/go' }), 501, /does not emulate builder/],
    [
      bashBuild('', { source: { storageSource: {} } }),
      501,
      /does not emulate field 'build.source'/,
    ],
  ];
  it('is refused in Google’s words when it is not right', async (t) => {
    const cloud = await startCloud(t);
    for (const [build, status, message] of refusals) {
      const reply = await cloud.call('POST', urlOf(cloud, BUILDS), build);
      assert.equal(reply.status, status, JSON.stringify(reply.body));
      assert.match((reply.body['error'] as { message: string }).message, message);
    }
    assert.deepEqual((await cloud.call('GET', urlOf(cloud, BUILDS))).body, {});
  });

  it('needs a token and the project', async (t) => {
    const cloud = await startCloud(t);
    const other = urlOf(cloud, '/v1/projects/other/builds');
    assert.equal((await cloud.call('POST', urlOf(cloud, BUILDS), bashBuild(''), 'no')).status, 401);
    assert.equal((await cloud.call('POST', other, bashBuild(''))).status, 403);
    assert.equal((await cloud.call('GET', urlOf(cloud, `${BUILDS}/gone`))).status, 404);
  });
});

describe('the list of builds', () => {
  it('is newest first, filtered, in pages', async (t) => {
    const cloud = await startCloud(t);
    const ids: unknown[] = [];
    for (const tag of ['a', 'b', 'a']) {
      ids.unshift((await runBuild(cloud, bashBuild('true', { tags: ['all', tag] })))['id']);
    }
    const list = async (query: string) => {
      const { body } = await cloud.call('GET', urlOf(cloud, `${BUILDS}?${query}`));
      return {
        ids: ((body['builds'] ?? []) as Fields[]).map(({ id }) => id),
        next: body['nextPageToken'],
      };
    };
    assert.deepEqual((await list('')).ids, ids);
    assert.deepEqual((await list('filter=tags%3D%22a%22')).ids, [ids[0], ids[2]]);
    assert.deepEqual((await list('filter=status="WORKING" OR status="QUEUED"')).ids, []);
    assert.deepEqual(
      (await list('filter=create_time>"2020-01-01T00:00:00.000%2B00:00" AND tags="b"')).ids,
      [ids[1]],
    );
    const first = await list('pageSize=2');
    assert.deepEqual(first.ids, ids.slice(0, 2));
    assert.deepEqual((await list(`pageSize=2&pageToken=${String(first.next)}`)).ids, ids.slice(2));
    const bad = await cloud.call('GET', urlOf(cloud, `${BUILDS}?filter=labels.x="y"`));
    assert.equal(bad.status, 400);
  });
});
