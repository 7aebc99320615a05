// The client in a network that is left through a proxy only: a real one, real TLS, and names that only the proxy knows.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { request } from 'undici';
import { ClientError } from '../../../client/errors.ts';
import { dispatcherFor } from '../../../client/proxy/dispatcher.ts';
import { openTunnel } from '../../../client/tunnel/connection.ts';
import { TunnelError } from '../../../client/tunnel/errors.ts';
import { startBackend } from '../../helpers/backend.ts';
import { runClient } from '../../helpers/client.ts';
import { selfSigned, startConnectProxy, startTls } from '../../helpers/connect-proxy.ts';
import { newKernel, run } from '../../helpers/jupyter-front-end.ts';
import { requireProgram } from '../../helpers/requires.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';
import { startRelay, targetOf, TOKEN } from '../../tunnel/tunnel-fixture.ts';

const NAMES = ['api.datalab.test', 'iap.datalab.test'];
const portOf = (url: string) => Number(new URL(url).port);

describe('a client behind a proxy', () => {
  it('reaches API and instance through it alone, and runs a cell', async (t) => {
    if (!requireProgram(t, '/usr/bin/jupyter-server')) return;
    const { emulator } = await startBackend(t);
    const { urls, credentials, project, zone } = emulator.ready;
    const certificate = selfSigned(t, NAMES);
    const proxy = await startConnectProxy(t, {
      hosts: {
        'api.datalab.test:443': await startTls(t, certificate, portOf(urls.api)),
        'iap.datalab.test:443': await startTls(t, certificate, portOf(urls.iap)),
      },
    });
    const client = runClient(t, temporaryFolder(t), ['start', '--ui', 'none', '--json'], {
      PROJECT_ID: project,
      ZONE: zone,
      DATALAB_API_URL: 'https://api.datalab.test',
      DATALAB_IAP_URL: 'wss://iap.datalab.test/v4',
      DATALAB_COMPUTE_URL: new URL(urls.compute).origin,
      GOOGLE_APPLICATION_CREDENTIALS: credentials,
      DATALAB_CONTENT_DIR: temporaryFolder(t),
      NODE_EXTRA_CA_CERTS: certificate.file,
      HTTPS_PROXY: `http://me:sec%23ret@${proxy.address}`,
      // Of this machine's own addresses, the emulated sign-in's for one, nobody is asked.
      HTTP_PROXY: 'http://127.0.0.1:1',
    });
    const { gateway } = await client.ready();
    assert.equal((await run(gateway, await newKernel(gateway), '6*7')).trim(), '42');
    assert.deepEqual([...new Set(proxy.asked)].sort(), [
      'api.datalab.test:443',
      'iap.datalab.test:443',
    ]);
    assert.deepEqual([...new Set(proxy.signIns)], ['me:sec#ret']);
    client.signal('SIGINT');
    assert.equal(await client.ended, 0);
    assert.doesNotMatch(client.stderr() + JSON.stringify(client.events), /sec(%23|#)ret/);
  });

  it('asks it for no host that NO_PROXY names', async (t) => {
    const proxy = await startConnectProxy(t);
    const HTTPS_PROXY = `http://${proxy.address}`;
    const ask = (url: string) =>
      call(url, { HTTPS_PROXY, NO_PROXY: '.datalab.test:8443, lab.test' });
    await assert.rejects(ask('https://api.datalab.test:8443/'), /ENOTFOUND|EAI_AGAIN/);
    await assert.rejects(ask('https://api.lab.test/'), /ENOTFOUND|EAI_AGAIN/);
    assert.deepEqual(proxy.asked, []);
    await assert.rejects(ask('https://api.datalab.test/'), /HTTP 502/);
    assert.deepEqual(proxy.asked, ['api.datalab.test:443']);
  });

  it('gives up at once when the proxy refuses, naming the variable and no password', async (t) => {
    for (const [status, says] of [
      [
        407,
        /^The proxy 127\.0\.0\.1:\d+ \(https_proxy\) wants to know who you are .*set https_proxy/,
      ],
      [403, /^The proxy 127\.0\.0\.1:\d+ \(https_proxy\) refused to connect to .*\.test:443/],
    ] as const) {
      const { address } = await startConnectProxy(t, { status });
      const env = { https_proxy: `http://me:secret@${address}` };
      const isRefusal = (error: unknown) => {
        assert.ok(error instanceof ClientError);
        assert.match(error.message, says);
        assert.doesNotMatch(error.message, /secret/);
        return true;
      };
      await assert.rejects(call('https://api.datalab.test/', env), isRefusal);
      await assert.rejects(tunnel('wss://iap.datalab.test/v4', env), isRefusal);
    }
  });

  it('says that a proxy cannot be reached, which may be otherwise in a while', async (t) => {
    const env = { HTTPS_PROXY: `http://me:secret@127.0.0.1:${await deadPort(t)}` };
    const says = /The proxy 127\.0\.0\.1:\d+ \(HTTPS_PROXY\) cannot be reached: .*ECONNREFUSED/;
    await assert.rejects(call('https://api.datalab.test/', env), (error) => {
      assert.ok(error instanceof Error && !(error instanceof ClientError));
      assert.match(error.message, says);
      return true;
    });
    await assert.rejects(tunnel('wss://iap.datalab.test/v4', env), (error) => {
      assert.ok(error instanceof TunnelError && error.retryable);
      assert.match(error.message, says);
      return true;
    });
  });

  it('tunnels through it to a relay without TLS too', async (t) => {
    const echo = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
    t.after(() => echo.close());
    await once(echo, 'listening');
    const relay = await startRelay(t, { targetPort: (echo.address() as AddressInfo).port });
    const hosts = { 'iap.datalab.test:80': portOf(relay.url) };
    const proxy = await startConnectProxy(t, { hosts });
    const { pathname } = new URL(relay.url);
    const stream = await tunnel(`ws://iap.datalab.test${pathname}`, { HTTP_PROXY: proxy.address });
    t.after(() => stream.destroy());
    stream.write('to and fro');
    const [answer] = (await once(stream, 'data')) as [Buffer];
    assert.equal(answer.toString(), 'to and fro');
  });
});

async function call(url: string, env: Record<string, string>): Promise<void> {
  const dispatcher = dispatcherFor(env);
  assert.ok(dispatcher);
  try {
    await request(url, { dispatcher });
  } finally {
    await dispatcher.destroy();
  }
}

async function tunnel(url: string, env: Record<string, string>) {
  return await openTunnel({
    url,
    env,
    accessToken: () => Promise.resolve(TOKEN),
    target: targetOf(8888),
  });
}

/** A port on which nobody listens. */
async function deadPort(t: TestContext): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  t.after(() => server.close());
  server.close();
  await once(server, 'close');
  return port;
}
