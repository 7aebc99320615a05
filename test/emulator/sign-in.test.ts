// Sign-in, the metadata servers and the registry: what programs on instances, the functions and clients ask.
import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { describe, it } from 'node:test';
import {
  addressOf,
  insert,
  PROJECT,
  request,
  signIn,
  startCloud,
  ZONE,
  type Cloud,
  type Fields,
} from './cloud-fixture.ts';

function claimsOf(token: string): Fields {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Fields;
}

async function metadata(host: string, path: string, headers: Fields = {}) {
  const reply = await fetch(`http://${host}/computeMetadata/v1/${path}`, {
    headers: { 'metadata-flavor': 'Google', ...(headers as Record<string, string>) },
    redirect: 'manual',
  });
  assert.equal(reply.headers.get('metadata-flavor'), 'Google');
  return { status: reply.status, text: await reply.text(), headers: reply.headers };
}

describe('sign-in', () => {
  it('gives tokens for a refresh token, and refuses as Google does', async (t) => {
    const cloud = await startCloud(t);
    const { credentials, urls } = cloud.emulator.ready;
    assert.equal(statSync(credentials).mode & 0o777, 0o600);
    const file = JSON.parse(readFileSync(credentials, 'utf8')) as Record<string, string>;
    const claims = claimsOf((await signIn(credentials)).id_token);
    assert.equal(claims['iss'], 'https://accounts.google.com');
    assert.equal(claims['aud'], file['client_id']);
    assert.equal(claims['email'], 'you@example.com');
    const exchange = async (change: Fields) => {
      const form = { grant_type: 'refresh_token', ...file, ...change } as Record<string, string>;
      const reply = await fetch(`${urls.oidc}/token`, {
        method: 'POST',
        body: new URLSearchParams(form),
      });
      return `${reply.status} ${String(((await reply.json()) as Fields)['error'])}`;
    };
    assert.equal(await exchange({ refresh_token: 'other' }), '400 invalid_grant');
    assert.equal(await exchange({ client_secret: 'other' }), '401 invalid_client');
    assert.equal(await exchange({ grant_type: 'password' }), '400 unsupported_grant_type');
  });

  it('publishes its key as a certificate and as a JWK', async (t) => {
    const cloud = await startCloud(t);
    const { oidc } = cloud.emulator.ready.urls;
    const pem = Object.values((await request('GET', `${oidc}/oauth2/v1/certs`)).body)[0];
    const { keys } = (await request('GET', `${oidc}/oauth2/v3/certs`)).body as { keys: Fields[] };
    const certificate = new X509Certificate(String(pem));
    assert.ok(certificate.verify(certificate.publicKey));
    assert.equal(certificate.publicKey.export({ format: 'jwk' }).n, keys[0]?.['n']);
  });

  it('makes users through the control API, but for no browser', async (t) => {
    const cloud = await startCloud(t);
    const url = `${cloud.emulator.ready.urls.control}/users`;
    const { body } = await request('POST', url, { email: 'other@example.com' });
    const other = claimsOf((await signIn(String(body['credentials']))).id_token);
    assert.equal(other['email'], 'other@example.com');
    assert.notEqual(
      other['sub'],
      claimsOf((await signIn(cloud.emulator.ready.credentials)).id_token)['sub'],
    );
    assert.equal((await request('POST', url, { email: 'nobody' })).status, 400);
    const browser = await fetch(url, {
      method: 'POST',
      headers: { origin: 'https://example.com' },
      body: '{"email":"a@b.example"}',
    });
    assert.equal(browser.status, 403);
  });

  it('knows its users and their tokens after a restart', async (t) => {
    const cloud = await startCloud(t);
    await cloud.emulator.end();
    const again = await startCloud(t, { stateDir: cloud.stateDir });
    assert.equal((await again.call('GET', '/zones', undefined, cloud.token)).status, 200);
    assert.equal(again.emulator.ready.urls.oidc, cloud.emulator.ready.urls.oidc);
  });
});

describe('an instance’s metadata server', () => {
  async function host(cloud: Cloud): Promise<string> {
    const instance = await insert(cloud, 'one', {
      metadata: { items: [{ key: 'a-key', value: 'a value' }] },
    });
    return `${addressOf(instance)}:8880`;
  }

  it('tells the instance what it is', async (t) => {
    const cloud = await startCloud(t);
    const at = await host(cloud);
    const address = at.replace(':8880', '');
    const values: [string, string | RegExp][] = [
      ['instance/name', 'one'],
      ['instance/id', String((await cloud.instance('one'))['id'])],
      ['instance/zone', /^projects\/\d{12}\/zones\/us-central1-a$/],
      ['instance/hostname', 'one.us-central1-a.c.a-project.internal'],
      ['instance/network-interfaces/0/ip', address],
      ['instance/attributes/a-key', 'a value'],
      ['instance/attributes/datalab-gateway-address', address],
      ['instance/attributes/', 'datalab-gateway-address\na-key\n'],
      [
        'instance/service-accounts/default/email',
        `datalab-kernels@${PROJECT}.iam.gserviceaccount.com`,
      ],
      [
        'instance/service-accounts/default/scopes',
        'https://www.googleapis.com/auth/cloud-platform\n',
      ],
      ['project/project-id', PROJECT],
      ['project/numeric-project-id', /^\d{12}$/],
    ];
    for (const [path, expected] of values) {
      const { status, text } = await metadata(at, path);
      assert.equal(status, 200, path);
      if (typeof expected === 'string') assert.equal(text, expected, path);
      else assert.match(text, expected, path);
    }
  });

  it('answers recursively, with the id as the number that it is', async (t) => {
    const cloud = await startCloud(t);
    const at = await host(cloud);
    const { text } = await metadata(at, 'instance/?recursive=true&alt=json');
    assert.match(text, new RegExp(`"id":${String((await cloud.instance('one'))['id'])}[,}]`));
    const tree = JSON.parse(text) as { attributes: Fields; networkInterfaces: Fields[] };
    assert.equal(tree.attributes['a-key'], 'a value');
    assert.equal(`${String(tree.networkInterfaces[0]?.['ip'])}:8880`, at);
    assert.doesNotMatch(text, /access_token/);
  });

  it('refuses what could come from a browser or a proxy, and what is not there', async (t) => {
    const cloud = await startCloud(t);
    const at = await host(cloud);
    const status = async (path: string, headers: Fields = {}) =>
      (await metadata(at, path, headers)).status;
    assert.equal(await status('instance/name', { 'metadata-flavor': 'no' }), 403);
    assert.equal(await status('instance/name', { 'x-forwarded-for': '10.0.0.1' }), 403);
    assert.equal(await status('instance/attributes/other'), 404);
    assert.equal(await status('instance/attributes/__proto__'), 404);
    assert.equal(await status('instance/attributes'), 301);
    assert.equal(await status('instance/service-accounts/default/identity'), 400);
  });

  it('gives tokens that say which instance it is', async (t) => {
    const cloud = await startCloud(t);
    const at = await host(cloud);
    const account = 'instance/service-accounts/default';
    const identity = await metadata(
      at,
      `${account}/identity?audience=https://api.example&format=full`,
    );
    const claims = claimsOf(identity.text) as { google: { compute_engine: Fields } } & Fields;
    const instance = await cloud.instance('one');
    assert.equal(claims['aud'], 'https://api.example');
    assert.equal(claims['email'], `datalab-kernels@${PROJECT}.iam.gserviceaccount.com`);
    const { project_number: number, ...engine } = claims.google.compute_engine;
    assert.equal(typeof number, 'number');
    assert.deepEqual(engine, {
      project_id: PROJECT,
      zone: ZONE,
      instance_id: instance['id'],
      instance_name: 'one',
      instance_creation_timestamp: Math.floor(
        Date.parse(String(instance['creationTimestamp'])) / 1000,
      ),
    });
    const standard = await metadata(at, `${account}/identity?audience=a`);
    assert.equal(claimsOf(standard.text)['google'], undefined);
    const token = JSON.parse((await metadata(at, `${account}/token`)).text) as Fields;
    assert.equal(
      (await cloud.call('GET', '/zones', undefined, String(token['access_token']))).status,
      200,
    );
  });

  it('is gone with the power', async (t) => {
    const cloud = await startCloud(t);
    const at = await host(cloud);
    await cloud.operate('POST', `/zones/${ZONE}/instances/one/stop`);
    await assert.rejects(metadata(at, 'instance/name'));
  });
});

describe('the registry', () => {
  it('has both images, by tag and by digest, with blobs that match', async (t) => {
    const cloud = await startCloud(t);
    for (const name of ['datalab-gateway', 'datalab-agent']) {
      const base = `${cloud.emulator.ready.urls.registry}/v2/${PROJECT}/${name}`;
      const get = (path: string, method = 'GET') =>
        fetch(`${base}/${path}`, { method, headers: { authorization: `Bearer ${cloud.token}` } });
      const head = await get('manifests/latest', 'HEAD');
      const digest = head.headers.get('docker-content-digest') ?? '';
      const reply = await get(`manifests/${digest}`);
      const content = Buffer.from(await reply.arrayBuffer());
      assert.equal(digest, digestOf(content));
      assert.equal(reply.headers.get('content-type'), 'application/vnd.oci.image.manifest.v1+json');
      const { config, layers } = JSON.parse(content.toString()) as {
        config: { digest: string };
        layers: { digest: string; size: number }[];
      };
      for (const blob of [config.digest, layers[0]?.digest ?? '']) {
        assert.equal(digestOf(Buffer.from(await (await get(`blobs/${blob}`)).arrayBuffer())), blob);
      }
    }
  });

  it('refuses strangers with a challenge, and says what it does not have', async (t) => {
    const cloud = await startCloud(t);
    const get = async (path: string, authorization?: string) => {
      const reply = await fetch(`${cloud.emulator.ready.urls.registry}/v2/${path}`, {
        headers: authorization === undefined ? {} : { authorization },
      });
      const { errors } = (await reply.json()) as { errors?: { code: string }[] };
      return { status: reply.status, code: errors?.[0]?.code, headers: reply.headers };
    };
    const stranger = await get(`${PROJECT}/datalab-gateway/manifests/latest`);
    assert.deepEqual(
      { ...stranger, headers: 0 },
      { status: 401, code: 'UNAUTHORIZED', headers: 0 },
    );
    assert.match(
      stranger.headers.get('www-authenticate') ?? '',
      /^Bearer realm="http:.*\/v2\/token",service="gcr.io",scope=/,
    );
    const basic = `Basic ${Buffer.from(`oauth2accesstoken:${cloud.token}`).toString('base64')}`;
    assert.equal((await get(`${PROJECT}/datalab-gateway/manifests/latest`, basic)).status, 200);
    const missing = await get(`${PROJECT}/datalab-gateway/manifests/other`, basic);
    assert.deepEqual([missing.status, missing.code], [404, 'MANIFEST_UNKNOWN']);
    assert.equal((await get('other/image/manifests/latest', basic)).code, 'NAME_UNKNOWN');
  });
});

function digestOf(content: Buffer): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}
