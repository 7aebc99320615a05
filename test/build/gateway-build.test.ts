// cloudbuild/gateway.yaml and what it is made from; what the backend makes of it.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { readBuildFile, sourceHashOf } from '../../functions/google/build-file.ts';
import { BUILD_FILE, gatewayBuild } from '../../scripts/gateway-build.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const DOCKERFILE = path.resolve(import.meta.dirname, '../../docker/gateway/Dockerfile');

describe('cloudbuild/gateway.yaml', () => {
  it('is what scripts/gateway-build.ts makes of docker/gateway/Dockerfile', () => {
    assert.equal(
      readFileSync(BUILD_FILE, 'utf8'),
      gatewayBuild(),
      'run node scripts/gateway-build.ts',
    );
  });

  it('holds the Dockerfile as it is, in an argument that Cloud Build takes', async () => {
    const { steps } = await readBuildFile(BUILD_FILE);
    const inline = steps[0]?.args?.[3] ?? '';
    assert.equal(inline.replaceAll('$$', '$'), readFileSync(DOCKERFILE, 'utf8'));
    for (const argument of steps.flatMap(({ args = [] }) => args))
      assert.ok(argument.length < 9000);
  });

  it('states the version that its content has', async () => {
    const file = await readBuildFile(BUILD_FILE);
    assert.equal(file.substitutions._VERSION, sourceHashOf(file));
  });

  it('has another version when anything but the stated version changes', async (t) => {
    const file = path.join(temporaryFolder(t), 'gateway.yaml');
    const original = readFileSync(BUILD_FILE, 'utf8');
    const hash = sourceHashOf(await readBuildFile(BUILD_FILE));
    const hashWith = async (from: string | RegExp, to: string) => {
      writeFileSync(file, original.replace(from, to));
      return sourceHashOf(await readBuildFile(file));
    };
    assert.equal(await hashWith(/_VERSION: .*/, '_VERSION: mine'), hash);
    assert.notEqual(await hashWith('python3-pandas', 'python3-scipy'), hash);
    assert.notEqual(await hashWith('trixie-slim', 'forky-slim'), hash);
  });

  it('is refused with fields that it does not know', async (t) => {
    const file = path.join(temporaryFolder(t), 'gateway.yaml');
    writeFileSync(file, `${readFileSync(BUILD_FILE, 'utf8')}\nsource: {}\n`);
    await assert.rejects(readBuildFile(file), /BUILD_FILE.*Unrecognized key: "source"/s);
  });
});
