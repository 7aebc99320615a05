// Which proxy is for which URL: the variables, and the exceptions from them.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ClientError } from '../../../client/errors.ts';
import { proxyOf } from '../../../client/proxy/settings.ts';

const API = 'https://api.datalab.test';

const EXCEPTIONS: readonly [exceptions: string, url: string, isProxied: boolean][] = [
  ['', API, true],
  ['other.test', API, true],
  ['api.datalab.test', API, false],
  ['datalab.test', API, false],
  ['.datalab.test', API, false],
  ['*.datalab.test', API, false],
  ['lab.test', API, true],
  ['a.test, .datalab.test', API, false],
  ['a.test .datalab.test', API, false],
  ['API.Datalab.TEST', API, false],
  ['datalab.test.', API, false],
  ['datalab.test', 'https://api.datalab.test./', false],
  ['datalab.test:443', API, false],
  ['datalab.test:443', 'wss://iap.datalab.test/v4', false],
  ['datalab.test:8443', API, true],
  ['datalab.test:8443', `${API}:8443`, false],
  ['*', API, false],
  ['*:8443', API, true],
  ['10.1.2.3', 'https://10.1.2.3/', false],
  ['fd00::1', 'https://[fd00::1]/', false],
  ['[fd00::1]:443', 'https://[fd00::1]/', false],
  ['[fd00::1]:8443', 'https://[fd00::1]/', true],
];

const LOOPBACK = [
  'https://127.0.0.1:8081',
  'https://127.9.8.7',
  'https://[::1]:1',
  'https://localhost',
  'https://api.localhost',
  'wss://127.1/v4',
];

describe('the proxy of a URL', () => {
  for (const [exceptions, url, isProxied] of EXCEPTIONS) {
    it(`is ${isProxied ? 'asked' : 'not asked'} for ${url} with NO_PROXY=${exceptions}`, () => {
      const env = { HTTPS_PROXY: 'http://proxy.test:3128', NO_PROXY: exceptions };
      assert.equal(proxyOf(new URL(url), env) !== undefined, isProxied);
    });
  }

  for (const url of LOOPBACK) {
    it(`is never asked for ${url}`, () => {
      const env = { HTTPS_PROXY: 'http://proxy.test:3128' };
      assert.equal(proxyOf(new URL(url), env), undefined);
    });
  }

  it('is named by the variable of the scheme, the one in lower case first', () => {
    const named = (url: string, env: Record<string, string>) => proxyOf(new URL(url), env);
    const env = { HTTPS_PROXY: 'http://secure.test:1', HTTP_PROXY: 'http://plain.test:2' };
    assert.equal(named(API, env)?.url.host, 'secure.test:1');
    assert.equal(named('wss://iap.datalab.test', env)?.variable, 'HTTPS_PROXY');
    assert.equal(named('http://api.datalab.test', env)?.variable, 'HTTP_PROXY');
    assert.equal(named(API, { HTTP_PROXY: 'http://plain.test:2' }), undefined);
    assert.equal(named(API, { ...env, https_proxy: 'lower.test:3' })?.url.host, 'lower.test:3');
    assert.equal(named(API, { ...env, https_proxy: '' })?.variable, 'HTTPS_PROXY');
    assert.equal(named(API, { ...env, no_proxy: '*', NO_PROXY: 'other.test' }), undefined);
  });

  it('is refused without showing what may be a password', () => {
    for (const value of ['socks5://me:secret@proxy.test:1080', 'http://me:secret@', 'a b:secret']) {
      assert.throws(
        () => proxyOf(new URL(API), { HTTPS_PROXY: value }),
        (error) => {
          assert.ok(error instanceof ClientError);
          assert.match(error.message, /^HTTPS_PROXY is not the URL of an HTTP proxy/);
          assert.doesNotMatch(error.message, /secret/);
          return true;
        },
      );
    }
  });
});
