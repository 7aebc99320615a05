// The settings of how the gateway image is built: which values the functions start with.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseConfig } from '../../functions/config.ts';

const INSTALLED = {
  startupScriptFile: '/s',
  buildFile: '/b',
  extendFile: '/e',
  readFile: () => '{}',
};
const ENVIRONMENT = {
  PROJECT_ID: 'p',
  ZONE: 'europe-west1-b',
  API_URL: 'https://api.example.com',
  SQLITE_FILE: '/tmp/x.sqlite',
  SESSION_TOKEN_KEYS: JSON.stringify({ 1: Buffer.alloc(32).toString('base64url') }),
};

function gatewayBuild(GATEWAY_BASE_IMAGE: string | undefined, GATEWAY_PYPI: string | undefined) {
  return parseConfig({ ...ENVIRONMENT, GATEWAY_BASE_IMAGE, GATEWAY_PYPI }, INSTALLED).gatewayBuild;
}

describe('the settings of the gateway’s build', () => {
  it('are the build file’s unless the environment says otherwise', () => {
    const nothing = { baseImage: undefined, pypi: undefined };
    assert.deepEqual(gatewayBuild(undefined, undefined), nothing);
    assert.deepEqual(gatewayBuild('', ''), nothing);
    for (const baseImage of [
      'debian:trixie-slim',
      'europe-docker.pkg.dev/p/mirror/debian:13',
      `mirror.example.com:5000/debian@sha256:${'a'.repeat(64)}`,
    ]) {
      assert.deepEqual(gatewayBuild(baseImage, 'none'), { baseImage, pypi: 'none' });
    }
    for (const pypi of ['default', 'https://mirror.example.com/simple/', 'http://10.0.0.5:3141/a'])
      assert.equal(gatewayBuild(undefined, pypi).pypi, pypi);
  });

  it('are refused by name when they are no image, no address, or hold a password', () => {
    for (const image of ['Debian', 'debian trixie', 'debian@sha256:12', '$(id)']) {
      assert.throws(() => gatewayBuild(image, undefined), /GATEWAY_BASE_IMAGE: must be the name/);
    }
    for (const pypi of [
      'None',
      'false',
      'ftp://mirror.example.com/simple',
      'https://user:password@mirror.example.com/simple',
      'https://mirror.example.com/simple?token=x',
      'https://mirror.example.com/$HOME',
      'https://mirror.example.com/a b',
    ]) {
      assert.throws(
        () => gatewayBuild(undefined, pypi),
        (error: Error) => {
          assert.match(error.message, /GATEWAY_PYPI: must be none, default, or the http\(s\)/);
          return !error.message.includes('password@');
        },
      );
    }
  });
});
