// What the front door lets through, and what it takes out on the way.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { headersToCaller, headersToGateway, routeOf } from '../../agent/headers.ts';

describe('routeOf', () => {
  const PASSED: [string, string][] = [
    ['/api', '/api'],
    ['/api/status', '/api/status'],
    ['/api/kernels?x=1', '/api/kernels?x=1'],
    ['/api/kernels/k/channels?session_id=s&token=t', '/api/kernels/k/channels?session_id=s'],
    ['/api/sessions?token=t', '/api/sessions'],
    ['/api/kernelspecs/python3', '/api/kernelspecs/python3'],
    ['/kernelspecs/python3/logo-64x64.png', '/kernelspecs/python3/logo-64x64.png'],
    ['/api/sessions?path=a%20b&%74oken=t', '/api/sessions?path=a%20b'],
  ];
  for (const [url, path] of PASSED) {
    it(`passes ${url}`, () => {
      assert.equal(routeOf(url)?.path, path);
    });
  }

  const REFUSED = [
    '/',
    '/api/contents',
    '/api/kernelsx',
    '/api/terminals',
    '/api/shutdown',
    '/api/kernels/../contents',
    '/api/kernels/%2e%2e/contents',
    '//evil.example/api/kernels',
    'http://evil.example/api/kernels',
    '*',
  ];
  for (const url of REFUSED) {
    it(`does not pass ${url}`, () => {
      assert.equal(routeOf(url), undefined);
    });
  }

  it('names the kernel of channels and restarts', () => {
    assert.equal(routeOf('/api/kernels/k1/channels')?.channelOf, 'k1');
    assert.equal(routeOf('/api/kernels/k1/restart')?.restartOf, 'k1');
    assert.equal(routeOf('/api/kernels/k1')?.channelOf, undefined);
  });
});

describe('headers', () => {
  it('keeps the caller’s identity and its connection from the gateway', () => {
    const sent = [
      ...['Host', 'agent', 'Authorization', 'Bearer secret', 'Cookie', 'c', 'Origin', 'o'],
      ...['Referer', 'r', 'X-XSRFToken', 'x', 'Connection', 'close, X-Mine', 'X-Mine', '1'],
      ...['Transfer-Encoding', 'chunked', 'Expect', '100-continue', 'Upgrade', 'u'],
      ...['Content-Type', 'application/json', 'Accept', 'a', 'Accept', 'b'],
    ];
    const passed = ['Content-Type', 'application/json', 'Accept', 'a', 'Accept', 'b'];
    assert.deepEqual(headersToGateway(sent), passed);
  });

  it('keeps cookies and cross-origin permissions from the caller', () => {
    const sent = [
      ...['Set-Cookie', 'c', 'Access-Control-Allow-Origin', '*', 'Connection', 'keep-alive'],
      ...['Content-Length', '2', 'ETag', 'e'],
    ];
    assert.deepEqual(headersToCaller(sent), ['Content-Length', '2', 'ETag', 'e']);
  });
});
