// cloudbuild/gateway.yaml and what it is made from; what the backend makes of it.
import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { buildResource, readBuildFile, sourceHashOf } from '../../functions/google/build-file.ts';
import { BUILD_FILE, gatewayBuild, SOURCE_FILES, SOURCES } from '../../scripts/gateway-build.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const AS_IT_IS = { baseImage: undefined, pypi: undefined };
const MIRROR = 'https://mirror.example.com/simple/';
const read = (file = BUILD_FILE) => readBuildFile(file, AS_IT_IS);

describe('cloudbuild/gateway.yaml', () => {
  it('is what scripts/gateway-build.ts makes of docker/gateway', () => {
    assert.equal(
      readFileSync(BUILD_FILE, 'utf8'),
      gatewayBuild(),
      'run node scripts/gateway-build.ts',
    );
  });

  it('holds every file that the image is built from as it is, in arguments that Cloud Build takes', async () => {
    const { steps } = await read();
    const [, script = '', , ...texts] = steps[0]?.args ?? [];
    for (const [index, name] of SOURCE_FILES.entries()) {
      const text = readFileSync(path.join(SOURCES, name), 'utf8');
      assert.equal(texts[index]?.replaceAll('$$', '$'), text, name);
      assert.ok(script.includes(`printf %s "$$${index + 1}" >${name}\n`), name);
    }
    const dockerfile = readFileSync(path.join(SOURCES, 'Dockerfile'), 'utf8');
    const copied = [...dockerfile.matchAll(/^COPY (\S+) \S+$/gm)].map(([, name]) => name);
    assert.deepEqual(['Dockerfile', ...copied], SOURCE_FILES);
    const others = readdirSync(SOURCES).filter((name) => !SOURCE_FILES.includes(name));
    assert.deepEqual(others, ['vm-startup.sh'], 'in docker/gateway, and not in the build');
    for (const argument of steps.flatMap(({ args = [] }) => args))
      assert.ok(argument.length <= 10_000);
  });

  it('cannot be made of a file that is too long for an argument', (t) => {
    const folder = temporaryFolder(t);
    cpSync(SOURCES, folder, { recursive: true });
    writeFileSync(path.join(folder, 'requirements.txt'), '#'.repeat(10_001));
    assert.throws(() => gatewayBuild(folder), /requirements\.txt has 10001 characters/);
  });

  it('states the version that its content has', async () => {
    const file = await read();
    assert.equal(file.substitutions._VERSION, sourceHashOf(file));
  });

  it('has another version when anything but the stated version changes', async (t) => {
    const file = path.join(temporaryFolder(t), 'gateway.yaml');
    const original = readFileSync(BUILD_FILE, 'utf8');
    const hash = sourceHashOf(await read());
    const hashWith = async (from: string | RegExp, to: string) => {
      writeFileSync(file, original.replace(from, to));
      return sourceHashOf(await read(file));
    };
    assert.equal(await hashWith(/_VERSION: .*/, '_VERSION: mine'), hash);
    assert.notEqual(await hashWith('python3-pandas', 'python3-geopandas'), hash);
    assert.notEqual(await hashWith(/pyarrow==.*/, 'pyarrow==1.0.0'), hash);
    assert.notEqual(await hashWith('_BASE_IMAGE: debian:trixie-slim', '_BASE_IMAGE: other'), hash);
  });

  it('is refused with fields that it does not know', async (t) => {
    const file = path.join(temporaryFolder(t), 'gateway.yaml');
    writeFileSync(file, `${readFileSync(BUILD_FILE, 'utf8')}\nsource: {}\n`);
    await assert.rejects(read(file), /BUILD_FILE.*Unrecognized key: "source"/s);
  });
});

describe('the settings of the gateway’s build', () => {
  it('take the place of the file’s own, and are another source', async () => {
    const plain = await read();
    const file = await readBuildFile(BUILD_FILE, { baseImage: 'gcr.io/p/base:1', pypi: MIRROR });
    const request = { image: 'gcr.io/p/g', tag: 't', version: sourceHashOf(file) };
    const surroundings = { projectId: 'p', buildTopic: 't', buildServiceAccount: undefined };
    assert.deepEqual(buildResource(file, request, surroundings).substitutions, {
      _IMAGE: 'gcr.io/p/g',
      _TAG: 'latest',
      _BASE_IMAGE: 'gcr.io/p/base:1',
      _PYPI: MIRROR,
      _VERSION: sourceHashOf(file),
    });
    assert.notEqual(sourceHashOf(file), sourceHashOf(plain));
    const same = await readBuildFile(BUILD_FILE, { baseImage: undefined, pypi: 'default' });
    assert.equal(sourceHashOf(same), sourceHashOf(plain), 'what is so anyway is nothing new');
  });

  it('are refused where a team’s own file has no place for them; without them it is taken', async (t) => {
    const file = path.join(temporaryFolder(t), 'gateway.yaml');
    writeFileSync(file, readFileSync(BUILD_FILE, 'utf8').replace(/^ {2}_PYPI: .*\n/m, ''));
    const { substitutions } = await read(file);
    assert.deepEqual(Object.keys(substitutions), ['_IMAGE', '_TAG', '_VERSION', '_BASE_IMAGE']);
    await assert.rejects(readBuildFile(file, { baseImage: undefined, pypi: 'none' }), {
      code: 'FAILED_PRECONDITION',
      message: /gateway\.yaml.*GATEWAY_PYPI is set, and the file has no substitution _PYPI/,
    });
  });
});
