import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  fromAgentHeaders,
  fromUiHeaders,
  toAgentHeaders,
  toSocketHeaders,
  toUiHeaders,
} from '../../client/relay/headers.ts';

const BROWSER = [
  ...['Host', '127.0.0.1:8081', 'Cookie', 'datalab-8081=secret; _xsrf=abc; theme=dark'],
  ...['Origin', 'http://127.0.0.1:8081', 'Referer', 'http://127.0.0.1:8081/tree'],
  ...['X-XSRFToken', 'abc', 'Authorization', 'token secret', 'Content-Type', 'application/json'],
  ...['Connection', 'keep-alive, X-Hop', 'X-Hop', '1', 'Transfer-Encoding', 'chunked'],
  ...['Accept', 'a', 'Accept', 'b'],
];

describe('headers on the way to the agent', () => {
  it('lose what says who asks, and bear the session’s token', () => {
    assert.deepEqual(toAgentHeaders(BROWSER, 'access'), [
      ...['Content-Type', 'application/json', 'Accept', 'a', 'Accept', 'b'],
      ...['authorization', 'Bearer access'],
    ]);
  });
});

describe('headers on the way to the UI server', () => {
  it('keep Host, Origin and Jupyter’s own cookies, not the relay’s', () => {
    const options = { cookieName: 'datalab-8081', xsrfToken: undefined, uiToken: undefined };
    assert.deepEqual(toSocketHeaders(toUiHeaders(BROWSER, options)), {
      host: ['127.0.0.1:8081'],
      origin: ['http://127.0.0.1:8081'],
      referer: ['http://127.0.0.1:8081/tree'],
      'x-xsrftoken': ['abc'],
      'content-type': ['application/json'],
      accept: ['a', 'b'],
      cookie: ['_xsrf=abc; theme=dark'],
    });
  });

  it('get a matching XSRF pair when the front-end proved itself with the token', () => {
    const options = { cookieName: 'datalab-8081', xsrfToken: 'feed', uiToken: undefined };
    const headers = toSocketHeaders(toUiHeaders(BROWSER, options));
    assert.deepEqual(headers['x-xsrftoken'], ['feed']);
    assert.deepEqual(headers['cookie'], ['theme=dark; _xsrf=feed']);
  });

  it('hold no empty cookie', () => {
    const options = { cookieName: 'datalab-8081', xsrfToken: undefined, uiToken: undefined };
    assert.deepEqual(toUiHeaders(['Cookie', 'datalab-8081=secret'], options), []);
  });
});

describe('headers on the way back', () => {
  const ANSWER = {
    'content-type': 'text/html',
    'set-cookie': ['_xsrf=abc', 'b=c'],
    'access-control-allow-origin': '*',
    connection: 'close, x-hop',
    'x-hop': '1',
    'transfer-encoding': 'chunked',
  };

  it('from the agent set no cookie and open nothing to other origins', () => {
    assert.deepEqual(fromAgentHeaders(ANSWER), { 'content-type': 'text/html' });
  });

  it('from the UI server keep its cookies', () => {
    assert.deepEqual(fromUiHeaders(ANSWER), {
      'content-type': 'text/html',
      'set-cookie': ['_xsrf=abc', 'b=c'],
      'access-control-allow-origin': '*',
    });
  });
});

describe('headers of a WebSocket', () => {
  it('leave the handshake to the one who makes it', () => {
    const raw = ['Sec-WebSocket-Key', 'k', 'Sec-WebSocket-Extensions', 'permessage-deflate'];
    assert.deepEqual(toSocketHeaders([...raw, 'Cookie', 'a=b']), { cookie: ['a=b'] });
  });
});
