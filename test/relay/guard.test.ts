import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Visitor } from '../../client/relay/guard.ts';
import { judge } from '../../client/relay/guard.ts';

const DOOR = { port: 8081, token: 'secret', earlier: [] };
const COOKIE = 'datalab-8081=secret';

function visit(changes: Partial<Visitor> = {}): string {
  const headers = { host: '127.0.0.1:8081', ...changes.headers };
  const visitor = { method: 'GET', url: '/', isWebSocket: false, ...changes, headers };
  const verdict = judge(visitor, DOOR);
  switch (verdict.kind) {
    case 'refused':
      return String(verdict.status);
    case 'welcome':
      return `welcome ${verdict.location} ${verdict.cookie}`;
    default:
      return verdict.by;
  }
}

describe('the host that a request names', () => {
  const CASES: [host: string, verdict: string][] = [
    ['127.0.0.1:8081', 'cookie'],
    ['localhost:8081', 'cookie'],
    ['LocalHost:8081', 'cookie'],
    ['127.0.0.1:8082', '421'],
    ['127.0.0.1', '421'],
    ['evil.example:8081', '421'],
    ['127.0.0.1.evil.example:8081', '421'],
    ['0.0.0.0:8081', '421'],
    ['', '421'],
  ];
  for (const [host, verdict] of CASES) {
    it(`"${host}": ${verdict}`, () => {
      assert.equal(visit({ headers: { host, cookie: COOKIE } }), verdict);
    });
  }

  it('needs no port on port 80', () => {
    const headers = { host: 'localhost', authorization: 'token secret' };
    const visitor = { method: 'GET', url: '/', isWebSocket: false, headers };
    assert.equal(judge(visitor, { port: 80, token: 'secret', earlier: [] }).kind, 'admitted');
  });

  it('is looked at before the token', () => {
    assert.equal(visit({ headers: { host: 'evil.example' } }), '421');
  });
});

describe('the origin that a request names', () => {
  const CASES: [origin: string, verdict: string][] = [
    ['http://127.0.0.1:8081', 'cookie'],
    ['http://localhost:8081', 'cookie'],
    ['http://127.0.0.1:8082', '403'],
    ['https://127.0.0.1:8081', '403'],
    ['http://evil.example', '403'],
    ['null', '403'],
    ['', '403'],
  ];
  for (const [origin, verdict] of CASES) {
    it(`"${origin}": ${verdict}`, () => {
      assert.equal(visit({ headers: { origin, cookie: COOKIE } }), verdict);
    });
  }

  it('is refused when foreign, whatever token the request bears', () => {
    const headers = { origin: 'http://evil.example', authorization: 'token secret' };
    assert.equal(visit({ headers }), '403');
  });

  it('may be missing on a WebSocket that bears the token, not on one with a cookie alone', () => {
    const socket = { isWebSocket: true, url: '/api/kernels/1/channels' };
    assert.equal(visit({ ...socket, headers: { cookie: COOKIE } }), '403');
    assert.equal(visit({ ...socket, headers: { authorization: 'token secret' } }), 'header');
    assert.equal(visit({ ...socket, url: `${socket.url}?token=secret` }), 'query');
    const ours = { cookie: COOKIE, origin: 'http://127.0.0.1:8081' };
    assert.equal(visit({ ...socket, headers: ours }), 'cookie');
  });
});

describe('what a front-end proves itself with', () => {
  const CASES: [headers: Visitor['headers'], verdict: string][] = [
    [{ authorization: 'token secret' }, 'header'],
    [{ authorization: 'Bearer secret' }, 'header'],
    [{ authorization: 'bearer  secret' }, 'header'],
    [{ authorization: 'Basic secret' }, '401'],
    [{ authorization: 'token wrong' }, '401'],
    [{ authorization: 'token ' }, '401'],
    [{ cookie: `other=1; ${COOKIE}` }, 'cookie'],
    [{ cookie: 'datalab-8082=secret' }, '401'],
    [{ cookie: 'datalab-8081=' }, '401'],
    // A cookie of an earlier relay of this port may lie beside the new one under another path.
    [{ cookie: `datalab-8081=old; ${COOKIE}` }, 'cookie'],
    [{}, '401'],
  ];
  for (const [headers, verdict] of CASES) {
    it(`${JSON.stringify(headers)}: ${verdict}`, () => {
      assert.equal(visit({ headers }), verdict);
    });
  }

  it('lets nobody in by an empty token', () => {
    const visitor = { method: 'GET', url: '/?token=', isWebSocket: false };
    const headers = { host: '127.0.0.1:8081' };
    assert.equal(
      judge({ ...visitor, headers }, { port: 8081, token: '', earlier: [] }).kind,
      'refused',
    );
  });
});

describe('an address with ?token=', () => {
  const SET = 'datalab-8081=secret; Path=/; HttpOnly; SameSite=Strict';
  const CASES: [method: string, url: string, verdict: string][] = [
    ['GET', '/lab?token=secret', `welcome /lab ${SET}`],
    ['GET', '/tree?a=%2F+b&token=secret&c', `welcome /tree?a=%2F+b&c ${SET}`],
    ['GET', '//evil.example/?token=secret', `welcome /evil.example/ ${SET}`],
    ['GET', '/\\evil.example/?token=secret', `welcome /evil.example/ ${SET}`],
    ['GET', '/lab?token=wrong', '401'],
    ['GET', '/api/kernels?token=secret', 'query'],
    ['GET', '/api?token=secret', 'query'],
    ['GET', '/kernelspecs/python3/logo.png?token=secret', 'query'],
    ['POST', '/nbconvert?token=secret', 'query'],
  ];
  for (const [method, url, verdict] of CASES) {
    it(`${method} ${url}: ${verdict}`, () => {
      assert.equal(visit({ method, url }), verdict);
    });
  }

  it('that is no path at all is refused', () => {
    assert.equal(visit({ url: 'http://127.0.0.1:8081/?token=secret' }), '400');
    assert.equal(visit({ url: '*' }), '400');
  });
});
