// Service accounts of team tooling: a key from the control API, and tokens for what it signs.
import assert from 'node:assert/strict';
import { createPrivateKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { describe, it } from 'node:test';
import { PROJECT, startCloud, type Cloud, type Fields } from './cloud-fixture.ts';

const GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

interface Made {
  email: string;
  credentials: string;
  key: Record<string, string>;
}

async function make(cloud: Cloud, body: Fields = { name: 'pipeline' }): Promise<Made> {
  return (await cloud.control('POST', '/service-accounts', body)) as unknown as Made;
}

function encode(content: unknown): string {
  return Buffer.from(JSON.stringify(content)).toString('base64url');
}

function assertion(
  { key }: Made,
  change: Fields = {},
  signer: KeyObject = createPrivateKey(key['private_key'] ?? ''),
): string {
  const now = Math.floor(Date.now() / 1000);
  const header = { alg: 'RS256', typ: 'JWT', kid: key['private_key_id'] };
  const claims = { iss: key['client_email'], aud: key['token_uri'], iat: now, exp: now + 3600 };
  const scope = 'https://www.googleapis.com/auth/cloud-platform';
  const signed = `${encode(header)}.${encode({ ...claims, scope, ...change })}`;
  return `${signed}.${sign('RSA-SHA256', Buffer.from(signed), signer).toString('base64url')}`;
}

async function exchange({ key }: Made, jwt: string): Promise<Fields> {
  const body = new URLSearchParams({ grant_type: GRANT, assertion: jwt });
  const reply = await fetch(key['token_uri'] ?? '', { method: 'POST', body });
  return { status: reply.status, ...((await reply.json()) as Fields) };
}

describe('a service account', () => {
  it('has a key file that only its owner can read, the same however often it is made', async (t) => {
    const cloud = await startCloud(t);
    const made = await make(cloud);
    assert.equal(made.email, `pipeline@${PROJECT}.iam.gserviceaccount.com`);
    assert.equal(made.key['type'], 'service_account');
    assert.equal(statSync(made.credentials).mode & 0o777, 0o600);
    assert.deepEqual(JSON.parse(readFileSync(made.credentials, 'utf8')), made.key);
    assert.deepEqual(await make(cloud, { email: made.email }), made);
    await cloud.emulator.end();
    const again = await startCloud(t, { stateDir: cloud.stateDir });
    assert.deepEqual(await make(again), made);
    assert.equal((await exchange(made, assertion(made)))['status'], 200);
  });

  it('gets an access token for a scope, and an ID token for an audience', async (t) => {
    const cloud = await startCloud(t);
    const made = await make(cloud);
    const { access_token: token } = await exchange(made, assertion(made));
    const zones = await cloud.call('GET', '/zones', undefined, String(token));
    assert.equal(zones.status, 200);
    const change = { scope: undefined, target_audience: 'https://api.example' };
    const { id_token: idToken } = await exchange(made, assertion(made, change));
    const [, body = ''] = String(idToken).split('.');
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as Fields;
    assert.equal(claims['aud'], 'https://api.example');
    assert.equal(claims['email'], made.email);
    assert.equal(claims['email_verified'], true);
    assert.match(String(claims['sub']), /^1\d{20}$/);
  });

  const now = Math.floor(Date.now() / 1000);
  const refusals: [string, Fields, string, RegExp][] = [
    ['another audience', { aud: 'https://example.com' }, 'invalid_grant', /audience/],
    ['an hour and a second', { iat: now, exp: now + 3601 }, 'invalid_grant', /short-lived/],
    ['what has expired', { iat: now - 3600, exp: now - 1 }, 'invalid_grant', /short-lived/],
    ['what is not good yet', { iat: now + 900, exp: now + 1800 }, 'invalid_grant', /short-lived/],
    ['nobody', { iss: 'nobody@x.iam.gserviceaccount.com' }, 'invalid_grant', /not found/],
    ['somebody else', { sub: 'you@example.com' }, 'invalid_grant', /unauthorized/],
    ['nothing in particular', { scope: undefined }, 'invalid_scope', /audience provided/],
    ['no times', { iat: undefined }, 'invalid_grant', /Bad Request/],
  ];
  it('gets nothing for an assertion that Google would refuse', async (t) => {
    const cloud = await startCloud(t);
    const made = await make(cloud);
    for (const [what, change, error, description] of refusals) {
      const answer = await exchange(made, assertion(made, change));
      assert.equal(answer['status'], 400, what);
      assert.equal(answer['error'], error, what);
      assert.match(String(answer['error_description']), description, what);
    }
    const { privateKey: foreign } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const forged = await exchange(made, assertion(made, {}, foreign));
    assert.equal(forged['error_description'], 'Invalid JWT Signature.');
    const [header, claims] = assertion(made).split('.');
    const unsigned = await exchange(made, `${header ?? ''}.${claims ?? ''}.`);
    assert.equal(unsigned['error'], 'invalid_grant');
  });

  it('is refused a name that Google would refuse', async (t) => {
    const cloud = await startCloud(t);
    for (const body of [
      { name: 'abc' },
      { name: 'Upper-case' },
      { email: 'you@example.com' },
      {},
    ]) {
      await assert.rejects(make(cloud, body), /"code":400/, JSON.stringify(body));
    }
  });
});
