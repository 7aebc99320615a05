// The relay between its real neighbours: Debian's Jupyter server as gateway, and the UI server that is installed here.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { WebSocket } from 'ws';
import type { Relay } from '../../client/relay/relay.ts';
import { ask } from '../helpers/ask.ts';
import type { Asked } from '../helpers/ask.ts';
import { execute, openKernelSocket } from '../helpers/kernel-socket.ts';
import { requireProgram } from '../helpers/requires.ts';
import { until } from '../helpers/until.ts';
import type { JupyterWorld } from './jupyter-world.ts';
import { startJupyterWorld } from './jupyter-world.ts';

const JUPYTER = '/usr/bin/jupyter-server';

interface Session {
  id: string;
  path: string;
  kernel: { id: string };
}

describe('the relay with a real Jupyter on both sides', () => {
  let world: JupyterWorld | undefined;
  before(async () => {
    if (existsSync(JUPYTER)) world = await startJupyterWorld();
  });
  after(() => world?.end());

  const parts = (t: TestContext): JupyterWorld | undefined =>
    requireProgram(t, JUPYTER) ? world : undefined;

  it('signs a browser in by its first address and shows the UI server’s page', async (t) => {
    const now = parts(t);
    if (!now) return;
    const { cookies, pageUrl } = await signIn(now.relay);
    const page = await ask(now.relay.port, pageUrl, { headers: browser(now.relay, cookies) });
    assert.equal(page.status, 200);
    assert.match(page.text, /<title>[^<]+<\/title>/);
    assert.ok(!page.text.includes(now.relay.token));
  });

  it('lets a page save a notebook under Jupyter’s own XSRF check, and nothing else', async (t) => {
    const now = parts(t);
    if (!now) return;
    const { cookies, xsrf } = await signIn(now.relay);
    const save = (headers: Record<string, string>) =>
      ask(now.relay.port, '/api/contents/saved.txt', {
        method: 'PUT',
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify({ type: 'file', format: 'text', content: 'kept' }),
      });
    const page = { ...browser(now.relay, cookies), origin: now.relay.origin };
    assert.equal((await save(page)).status, 403);
    assert.equal((await save({ ...page, 'x-xsrftoken': xsrf })).status, 201);
    assert.equal(readFileSync(path.join(now.contentDir, 'saved.txt'), 'utf8'), 'kept');
    // A program that bears the token needs no XSRF token, as with Jupyter itself.
    const program = { host: now.relay.origin.slice(7), authorization: `token ${now.relay.token}` };
    assert.equal((await save(program)).status, 200);
  });

  it('tells the page to show no quit button', async (t) => {
    const now = parts(t);
    if (!now) return;
    const { cookies, pageUrl } = await signIn(now.relay);
    const page = await ask(now.relay.port, pageUrl, { headers: browser(now.relay, cookies) });
    assert.ok(!page.text.includes('id="shutdown"'));
    assert.ok(!/"quitButton":\s*true/.test(page.text));
  });

  it('runs code in a kernel of the gateway, over the page’s WebSocket', async (t) => {
    const now = parts(t);
    if (!now) return;
    const { cookies } = await signIn(now.relay);
    const session = await openNotebook(now.relay, 'example.ipynb');
    const socket = await openKernelSocket(channelUrl(now.relay, session.kernel.id), {
      headers: { cookie: cookies, origin: now.relay.origin },
    });
    assert.match(await execute(socket, '6*7'), /42/);
    socket.close();
    const [, ...seen] = now.agent.seen.filter((headers) => headers[':url'].includes('/channels'));
    for (const headers of [...seen, ...now.agent.seen]) {
      for (const hidden of ['cookie', 'origin', 'referer', 'x-xsrftoken']) {
        assert.equal(headers[hidden], undefined);
      }
      assert.ok(!JSON.stringify(headers).includes(now.relay.token));
    }
  });

  it('keeps the sub-protocol that the front-end and the gateway agree on', async (t) => {
    const now = parts(t);
    if (!now) return;
    const session = await openNotebook(now.relay, 'protocol.ipynb');
    const url = `${channelUrl(now.relay, session.kernel.id)}?token=${now.relay.token}`;
    const protocols = ['something-else', 'v1.kernel.websocket.jupyter.org'];
    assert.equal(await protocolOf(new WebSocket(url, protocols)), protocols[1]);
    assert.equal(await protocolOf(new WebSocket(url)), '');
  });

  it('says of a kernel that is not there that it is not', async (t) => {
    const now = parts(t);
    if (!now) return;
    const gone = '/api/kernels/11111111-1111-1111-1111-111111111111/channels';
    assert.equal(await handshakeStatus(now.relay, gone), 404);
  });

  it('keeps two folders’ notebook sessions and kernels apart', async (t) => {
    const now = parts(t);
    if (!now) return;
    const { relay, otherRelay } = now;
    const ours = await openNotebook(relay, 'same.ipynb');
    const theirs = await openNotebook(otherRelay, 'same.ipynb');
    assert.equal(ours.path, 'same.ipynb');
    assert.equal(theirs.path, 'same.ipynb');
    assert.notEqual(ours.kernel.id, theirs.kernel.id);
    assert.equal((await openNotebook(relay, 'same.ipynb')).id, ours.id);

    const sessions = (await api(relay, 'GET', '/api/sessions')).value as Session[];
    assert.ok(sessions.some(({ id }) => id === ours.id));
    assert.ok(!sessions.some(({ id }) => id === theirs.id));
    const kernels = (await api(relay, 'GET', '/api/kernels')).value as { id: string }[];
    assert.ok(kernels.some(({ id }) => id === ours.kernel.id));
    assert.ok(!kernels.some(({ id }) => id === theirs.kernel.id));

    const foreign = `/api/sessions/${theirs.id}`;
    assert.equal((await api(relay, 'GET', foreign)).status, 404);
    assert.equal((await api(relay, 'PATCH', foreign, { path: 'x.ipynb' })).status, 404);
    assert.equal((await api(relay, 'DELETE', foreign)).status, 404);
    assert.equal((await api(otherRelay, 'GET', foreign)).status, 200);

    const own = `/api/sessions/${ours.id}`;
    const renamed = await api(relay, 'PATCH', own, { path: 'new.ipynb' });
    assert.equal((renamed.value as Session).path, 'new.ipynb');
    const atGateway = (await now.gateway.get(own)) as Session;
    assert.equal(atGateway.path, 'content-1/new.ipynb');
    assert.equal((await api(relay, 'DELETE', own)).status, 204);
  });

  it('serves kernels alone when there is no UI server', async (t) => {
    const now = parts(t);
    if (!now) return;
    const { otherRelay } = now;
    const specs = await api(otherRelay, 'GET', '/api/kernelspecs');
    assert.match(JSON.stringify(specs.value), /python3/);
    assert.equal((await api(otherRelay, 'GET', '/api')).status, 200);
    const page = await api(otherRelay, 'GET', '/lab');
    assert.equal(page.status, 404);
    assert.match(JSON.stringify(page.value), /--ui none/);
    const refused = await handshakeStatus(otherRelay, '/terminals/websocket/1');
    assert.equal(refused, 404);
  });

  it('runs terminals on the UI server’s machine', async (t) => {
    const now = parts(t);
    if (!now) return;
    const made = await api(now.relay, 'POST', '/api/terminals');
    const { name } = made.value as { name: string };
    const url = `${now.relay.origin.replace('http', 'ws')}/terminals/websocket/${name}`;
    const socket = await openKernelSocket(`${url}?token=${now.relay.token}`, {});
    let output = '';
    socket.on('message', (data: Buffer) => (output += data.toString()));
    socket.send(JSON.stringify(['stdin', 'echo $((40 + 2)); pwd\r']));
    await until('the terminal answers', () => /42/.test(output) && output.includes(now.contentDir));
    socket.close();
  });

  it('refuses foreign hosts, foreign origins and whoever has no token', async (t) => {
    const now = parts(t);
    if (!now) return;
    const host = now.relay.origin.slice(7);
    const authorization = `token ${now.relay.token}`;
    const paths = ['/api/kernels', '/api/contents', '/tree'];
    for (const where of paths) {
      const status = async (headers: Record<string, string>): Promise<number> =>
        (await ask(now.relay.port, where, { headers })).status;
      assert.equal(await status({ host: 'evil.example', authorization }), 421);
      assert.equal(await status({ host, authorization, origin: 'http://evil.example' }), 403);
      assert.equal(await status({ host }), 401);
    }
  });

  it('answers 503 while the way to the gateway is down, and goes on when it is back', async (t) => {
    const now = parts(t);
    if (!now) return;
    const session = await openNotebook(now.relay, 'cut.ipynb');
    const channel = `/api/kernels/${session.kernel.id}/channels`;
    const socket = await openKernelSocket(channelUrl(now.relay, session.kernel.id), {
      headers: { authorization: `token ${now.relay.token}` },
    });
    const closed = new Promise<number>((resolve) => socket.once('close', resolve));
    for (const list of ['/api/kernels', '/api/sessions']) await api(now.relay, 'GET', list);
    now.agent.cut();
    // An unclean end: the classic notebook connects again only after one.
    assert.equal(await closed, 1006);
    // What was known is still said, so that no page takes its kernel for dead or its server for gone.
    const calls: [method: string, path: string, status: number][] = [
      ['GET', '/api/kernels', 200],
      ['GET', `/api/kernels/${session.kernel.id}`, 200],
      ['POST', `/api/kernels/${session.kernel.id}/interrupt`, 503],
      ['POST', `/api/kernels/${session.kernel.id}/restart`, 503],
      ['GET', '/api/sessions', 200],
      ['GET', `/api/sessions/${session.id}`, 200],
      ['GET', '/api/kernels/11111111-1111-1111-1111-111111111111', 503],
      ['DELETE', `/api/sessions/${session.id}`, 503],
      ['POST', '/api/kernels', 503],
      ['GET', '/kernelspecs/python3/logo-64x64.png', 503],
    ];
    for (const [method, where, status] of calls) {
      assert.equal((await api(now.relay, method, where)).status, status, `${method} ${where}`);
    }
    assert.equal(await handshakeStatus(now.relay, channel), 503);
    assert.equal((await api(now.relay, 'GET', '/api/contents')).status, 200);
    assert.equal(now.states.at(-1), 'down');
    now.agent.mend();
    assert.equal((await api(now.relay, 'GET', `/api/sessions/${session.id}`)).status, 200);
    assert.equal(now.states.at(-1), 'up');
  });
});

function browser(relay: Relay, cookies: string): Record<string, string> {
  return { host: relay.origin.slice(7), cookie: cookies };
}

async function signIn(relay: Relay): Promise<{ cookies: string; xsrf: string; pageUrl: string }> {
  const first = await ask(relay.port, relay.url.slice(relay.origin.length), {
    headers: { host: relay.origin.slice(7) },
  });
  assert.equal(first.status, 302);
  const pageUrl = first.headers.location ?? '';
  assert.ok(!pageUrl.includes('token'));
  const own = cookiesOf(first);
  const page = await ask(relay.port, pageUrl, { headers: browser(relay, own) });
  const cookies = `${own}; ${cookiesOf(page)}`;
  return { cookies, pageUrl, xsrf: /_xsrf=([^;]+)/.exec(cookies)?.[1] ?? '' };
}

function cookiesOf({ headers }: Asked): string {
  return (headers['set-cookie'] ?? []).map((cookie) => cookie.split(';')[0]).join('; ');
}

async function api(
  relay: Relay,
  method: string,
  where: string,
  body?: unknown,
): Promise<{ status: number; value: unknown }> {
  const answer = await ask(relay.port, where, {
    method,
    headers: { host: relay.origin.slice(7), authorization: `token ${relay.token}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const isJson = answer.headers['content-type']?.includes('json') ?? false;
  return { status: answer.status, value: isJson ? JSON.parse(answer.text) : answer.text };
}

async function openNotebook(relay: Relay, name: string): Promise<Session> {
  const body = { path: name, name, type: 'notebook', kernel: { name: 'python3' } };
  const { status, value } = await api(relay, 'POST', '/api/sessions', body);
  assert.equal(status, 201);
  return value as Session;
}

function channelUrl(relay: Relay, kernelId: string): string {
  return `${relay.origin.replace('http', 'ws')}/api/kernels/${kernelId}/channels`;
}

function protocolOf(socket: WebSocket): Promise<string> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('open', () => {
      resolve(socket.protocol);
      socket.close();
    });
  });
}

function handshakeStatus(relay: Relay, where: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `token ${relay.token}` };
    const socket = new WebSocket(`${relay.origin.replace('http', 'ws')}${where}`, { headers });
    socket.once('unexpected-response', (request, response) => {
      resolve(response.statusCode ?? 0);
      request.destroy();
    });
    socket.on('error', reject);
  });
}
