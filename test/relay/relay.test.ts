// What the relay does that a real Jupyter does not show on demand: ports, refusals by the agent, time limits, closing.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { WebSocket } from 'ws';
import { ask } from '../helpers/ask.ts';
import { ManualClock } from '../helpers/manual-clock.ts';
import { freePort } from '../helpers/real-gateway.ts';
import { until } from '../helpers/until.ts';
import { HEADERS, relayTo } from './scripted-agent.ts';
import { CHANNEL_SUBPROTOCOL, encodeControl } from '../../agent/channel/frames.ts';

describe('the relay’s port', () => {
  it('is the next free one when the usual one is taken', async (t) => {
    const port = await freePort();
    const first = await relayTo(t, {}, { port });
    const second = await relayTo(t, {}, { port });
    assert.equal(first.port, port);
    assert.ok(second.port > port && second.port <= port + 50);
    assert.equal(second.origin, `http://127.0.0.1:${second.port}`);
  });

  it('is an error that says what to do when the user chose it and it is taken', async (t) => {
    const port = await freePort();
    await relayTo(t, {}, { port });
    await assert.rejects(relayTo(t, {}, { port, isPortFixed: true }), (error: Error) => {
      assert.equal(error.name, 'PortError');
      assert.match(error.message, new RegExp(`${port}.*--port`));
      return true;
    });
  });
});

describe('the relay’s answers', () => {
  it('say 503 for whatever the agent says about the way', async (t) => {
    for (const status of [401, 502, 503, 504]) {
      const states: string[] = [];
      const relay = await relayTo(
        t,
        { answer: (_, response) => response.writeHead(status).end('<html>') },
        { onState: (state) => states.push(state) },
      );
      for (const path of ['/api/kernels', '/api/kernels/1', '/api/sessions/1']) {
        assert.equal((await ask(relay.port, path, { headers: HEADERS })).status, 503);
      }
      assert.deepEqual(states, ['down']);
    }
  });

  it('are the gateway’s own for anything else', async (t) => {
    const relay = await relayTo(t, {
      answer: (_, response) =>
        response.writeHead(404, { 'set-cookie': 'a=b', 'x-own': '1' }).end('gone'),
    });
    for (const path of ['/api/kernels/1', '/api/sessions/1', '/api/kernels']) {
      const { status, headers, text } = await ask(relay.port, path, { headers: HEADERS });
      assert.deepEqual(
        [status, text],
        [path === '/api/kernels' ? 503 : 404, path === '/api/kernels' ? text : 'gone'],
      );
      assert.equal(headers['set-cookie'], undefined);
    }
  });

  it('refuse what is no notebook session before it reaches the gateway', async (t) => {
    const seen: string[] = [];
    const relay = await relayTo(t, {
      answer: (request, response) => {
        seen.push(request.url ?? '');
        response.end();
      },
    });
    const post = (body: string) =>
      ask(relay.port, '/api/sessions', { method: 'POST', headers: HEADERS, body });
    assert.equal((await post('{')).status, 400);
    assert.equal((await post('{"path": 5}')).status, 400);
    assert.equal((await post('"' + 'x'.repeat(1_100_000) + '"')).status, 413);
    assert.deepEqual(seen, []);
  });

  it('come as the agent sends them, piece by piece', async (t) => {
    let finish = () => {};
    const relay = await relayTo(t, {
      answer: (_, response) => {
        response.write('first');
        finish = () => response.end('last');
      },
    });
    const answer = await fetch(`${relay.origin}/kernelspecs/python3/kernel.js`, {
      headers: HEADERS,
    });
    const reader = (answer.body ?? assert.fail()).getReader();
    assert.equal(Buffer.from((await reader.read()).value ?? []).toString(), 'first');
    finish();
    assert.equal(Buffer.from((await reader.read()).value ?? []).toString(), 'last');
  });

  it('lead a browser that followed another site’s link in without a redirect', async (t) => {
    const relay = await relayTo(t, {});
    const headers = { 'sec-fetch-site': 'cross-site' };
    const page = await ask(relay.port, '/lab?a="&token=t', { headers });
    assert.equal(page.status, 200);
    assert.match(page.text, /http-equiv="refresh" content="0; url=\/lab\?a=&#34;"/);
    assert.match(String(page.headers['set-cookie']), /HttpOnly; SameSite=Strict/);
  });

  it('ignore an offer of HTTP/2', async (t) => {
    const relay = await relayTo(t, { answer: (_, response) => response.end('{}') });
    const headers = { ...HEADERS, connection: 'upgrade', upgrade: 'h2c' };
    assert.equal((await ask(relay.port, '/api/kernelspecs', { headers })).status, 200);
  });
});

describe('time limits', () => {
  it('end an interrupt that is not delivered after 5 s, and a connection after 20 s', async (t) => {
    const clock = new ManualClock();
    let opened = 0;
    const stuck = () => {
      opened += 1;
      return new Promise<never>(() => undefined);
    };
    const relay = await relayTo(t, {}, { clock, agent: { accessToken: 'a', connect: stuck } });
    const options = { method: 'POST', headers: HEADERS };
    let isInterruptOver = false;
    const interrupt = ask(relay.port, '/api/kernels/1/interrupt', options).finally(() => {
      isInterruptOver = true;
    });
    const other = ask(relay.port, '/api/kernels', options);
    await until('both wait for the agent', () => opened === 2);
    clock.advance(4_900);
    assert.equal(isInterruptOver, false);
    clock.advance(200);
    assert.equal((await interrupt).status, 503);
    clock.advance(15_000);
    assert.equal((await other).status, 503);
  });
});

const WELCOME = encodeControl({
  ...{ kind: 'welcome', isResumed: false, channel: { incarnation: 'i', epoch: 1 } },
  ...{ received: 0, delivered: 0, executionState: 'idle' },
});

describe('closing the relay', () => {
  it('takes a few seconds at most, whatever is open', async (t) => {
    const relay = await relayTo(t, {
      answer: () => undefined,
      protocol: CHANNEL_SUBPROTOCOL,
      onSocket: (agent) =>
        agent.once('message', () => {
          agent.send(WELCOME);
        }),
    });
    const hung = ask(relay.port, '/api/kernels/1', { headers: HEADERS }).catch(() => 'ended');
    const idle = connect(relay.port, '127.0.0.1').on('error', () => undefined);
    const url = `${relay.origin.replace('http', 'ws')}/api/kernels/1/channels`;
    const socket = new WebSocket(url, { headers: HEADERS });
    await new Promise((resolve) => socket.once('open', resolve));
    // Its partner never reads the goodbye.
    socket.pause();
    const began = performance.now();
    await Promise.all([relay.close(), relay.close()]);
    assert.ok(performance.now() - began < 5_000);
    assert.equal(await hung, 'ended');
    idle.destroy();
    socket.terminate();
    await assert.rejects(ask(relay.port, '/', {}), /ECONNREFUSED/);
  });
});

describe('a UI server that is not there', () => {
  it('is answered with 503, for pages and for WebSockets', async (t) => {
    const ui = { address: { socketPath: '/nonexistent/socket' }, startPath: '/lab' };
    const relay = await relayTo(t, {}, { ui });
    assert.equal(relay.url, `${relay.origin}/lab?token=t`);
    assert.equal((await ask(relay.port, '/lab', { headers: HEADERS })).status, 503);
    const url = `${relay.origin.replace('http', 'ws')}/terminals/websocket/1`;
    const socket = new WebSocket(url, { headers: HEADERS });
    await assert.rejects(
      new Promise((_, reject) => socket.once('error', reject)),
      /Unexpected server response: 503/,
    );
  });
});
