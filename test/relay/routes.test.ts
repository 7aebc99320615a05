import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { routeRequest, routeSocket } from '../../client/relay/routes.ts';

const REQUESTS: [method: string, path: string, withUi: string, withoutUi: string][] = [
  ['GET', '/api/kernels', 'agent kernelList', 'agent kernelList'],
  ['POST', '/api/kernels', 'agent kernel', 'agent kernel'],
  ['DELETE', '/api/kernels/1', 'agent kernel', 'agent kernel'],
  ['GET', '/api/kernels/1', 'agent none', 'agent none'],
  ['POST', '/api/kernels/1/interrupt', 'agent none interrupt', 'agent none interrupt'],
  ['GET', '/api/kernelspecs', 'agent none', 'agent none'],
  ['GET', '/kernelspecs/python3/logo-64x64.png', 'agent none', 'agent none'],
  ['GET', '/api/sessions', 'agent sessionList', 'agent sessionList'],
  ['POST', '/api/sessions', 'agent oneSession', 'agent oneSession'],
  ['PATCH', '/api/sessions/1', 'agent oneSession', 'agent oneSession'],
  ['DELETE', '/api/sessions/1', 'agent oneSession', 'agent oneSession'],
  ['GET', '/api/kernelsandmore', 'ui', 'nowhere'],
  ['GET', '/api/contents/api/kernels', 'ui', 'nowhere'],
  ['GET', '/api/%6bernels', 'ui', 'nowhere'],
  ['GET', '//api/kernels', 'ui', 'nowhere'],
  ['GET', '/api/terminals', 'ui', 'nowhere'],
  ['GET', '/api/status', 'ui', 'agent none'],
  ['GET', '/api', 'ui', 'agent none'],
  ['GET', '/lab/tree/kernelspecs', 'ui', 'nowhere'],
  ['GET', '/', 'ui', 'nowhere'],
];

const SOCKETS: [path: string, withUi: string, withoutUi: string][] = [
  ['/api/kernels/1/channels', 'channel', 'channel'],
  ['/api/kernels/1', 'nowhere', 'nowhere'],
  ['/api/kernels/1/2/channels', 'nowhere', 'nowhere'],
  ['/api/sessions/1/channels', 'nowhere', 'nowhere'],
  ['/terminals/websocket/1', 'ui', 'nowhere'],
  ['/api/events/subscribe', 'ui', 'nowhere'],
];

function describeRoute(method: string, path: string, hasUi: boolean): string {
  const route = routeRequest(method, path, hasUi);
  if (route.to !== 'agent') return route.to;
  return `agent ${route.rewriting}${route.isInterrupt ? ' interrupt' : ''}`;
}

describe('where a request goes', () => {
  for (const [method, path, withUi, withoutUi] of REQUESTS) {
    it(`${method} ${path}: ${withUi}; without a UI server: ${withoutUi}`, () => {
      assert.equal(describeRoute(method, path, true), withUi);
      assert.equal(describeRoute(method, path, false), withoutUi);
    });
  }
});

describe('where a WebSocket goes', () => {
  for (const [path, withUi, withoutUi] of SOCKETS) {
    it(`${path}: ${withUi}; without a UI server: ${withoutUi}`, () => {
      assert.equal(routeSocket(path, true).to, withUi);
      assert.equal(routeSocket(path, false).to, withoutUi);
    });
  }
});
