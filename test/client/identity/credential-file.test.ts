// Credential files of every kind, against the emulated Google sign-in, or a stand-in where that is too well-behaved.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { openCredentialFile } from '../../../client/identity/credential-file.ts';
import { SignInError, type SignIn } from '../../../client/identity/credentials.ts';
import { claimsOf } from '../../../client/identity/token-endpoint.ts';
import { FIRST_USER, PROJECT, startCloud, type Fields } from '../../emulator/cloud-fixture.ts';
import { bodyOf, startStandIn } from '../../helpers/stand-in.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';

const API = 'https://europe-west1-a-project.cloudfunctions.net/api';
const COMMAND = 'gcloud auth application-default login';

function open(file: string, now: () => number = () => Date.now()): Promise<SignIn> {
  const line = { now, signal: new AbortController().signal };
  return openCredentialFile({ file, whence: '--credentials', command: COMMAND, apiUrl: API, line });
}

function write(t: TestContext, content: unknown): string {
  const file = path.join(temporaryFolder(t), 'credentials.json');
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

function user(url: string, change: Fields = {}): Fields {
  const secrets = { client_id: 'an-id', client_secret: 'a-secret', refresh_token: '1//a-token' };
  return { type: 'authorized_user', ...secrets, token_uri: `${url}/token`, ...change };
}

/** What Compute Engine says to a token: 200 when it is good. */
async function statusOf(token: string | undefined, compute: string): Promise<number> {
  const headers = { authorization: `Bearer ${token ?? ''}` };
  return (await fetch(`${compute}/projects/${PROJECT}/zones`, { headers })).status;
}

describe('a person’s credentials', () => {
  it('give both tokens at once, with how long they live', async (t) => {
    const cloud = await startCloud(t);
    const { credentials, urls } = cloud.emulator.ready;
    await cloud.control('POST', '/tokens', { seconds: 120 });
    const { access, id } = await (await open(credentials)).fetch('id', false);
    assert.equal(access?.lifetimeSeconds, 119);
    assert.equal(id?.lifetimeSeconds, 120);
    assert.equal(claimsOf(id.value).email, FIRST_USER);
    assert.equal(await statusOf(access.value, urls.compute), 200);
  });

  it('that were revoked ask to sign in again, with the command and without a token', async (t) => {
    const cloud = await startCloud(t);
    const signIn = await open(cloud.emulator.ready.credentials);
    await cloud.control('POST', `/users/${FIRST_USER}:revoke`);
    await assert.rejects(signIn.fetch('id', false), (error) => {
      assert.ok(error instanceof SignInError);
      assert.equal(error.command, COMMAND);
      assert.match(error.message, /not accept .*invalid_grant: Token has been expired or revoked/);
      assert.doesNotMatch(error.message, /1\/\//);
      return true;
    });
    await cloud.control('POST', '/users', { email: FIRST_USER });
    assert.ok((await signIn.fetch('id', false)).id, 'the file is read again');
  });

  it('made without openid say that no ID token is to be had', async (t) => {
    const url = await startStandIn(t, (_, response) => {
      response.end('{"access_token": "ya29.a", "expires_in": 3599, "token_type": "Bearer"}');
    });
    const signIn = await open(write(t, user(url)));
    assert.equal((await signIn.fetch('access', false)).access?.value, 'ya29.a');
    await assert.rejects(
      signIn.fetch('id', false),
      /no ID token for .* openid is not among them\..*login$/,
    );
  });

  it('are asked for again while Google is in trouble, and given up with the host and the reason', async (t) => {
    let calls = 0;
    const url = await startStandIn(t, (_, response) => {
      calls += 1;
      if (calls < 3) response.writeHead(503).end('<html>');
      else response.end('{"access_token": "ya29.a", "expires_in": 3599}');
    });
    const signIn = await open(write(t, user(url)));
    assert.ok((await signIn.fetch('access', false)).access);
    const nobody = await open(write(t, user('http://127.0.0.1:1')));
    await assert.rejects(
      nobody.fetch('id', false),
      /sign-in at 127\.0\.0\.1:1 cannot be reached: connection refused.*HTTPS_PROXY/,
    );
  });

  it('are told from a login page that answers in Google’s place', async (t) => {
    const url = await startStandIn(t, (_, response) =>
      response.end('<html>Log in to the WLAN</html>'),
    );
    await assert.rejects(
      (await open(write(t, user(url)))).fetch('id', false),
      /not Google's sign-in: does a proxy stand in between/,
    );
  });

  it('are refused with the client of another program in words, but not as a sign-in that has ended', async (t) => {
    const cloud = await startCloud(t);
    const content = JSON.parse(readFileSync(cloud.emulator.ready.credentials, 'utf8')) as Fields;
    const signIn = await open(write(t, { ...content, client_secret: 'another' }));
    await assert.rejects(signIn.fetch('id', false), (error) => {
      assert.ok(!(error instanceof SignInError));
      assert.match(String(error), /invalid_client: The provided client secret is invalid/);
      return true;
    });
  });
});

describe('a service account’s key', () => {
  it('gives an ID token for the API and an access token for Google', async (t) => {
    const cloud = await startCloud(t);
    const made = await cloud.control('POST', '/service-accounts', { name: 'pipeline' });
    const signIn = await open(String(made['credentials']));
    const { id } = await signIn.fetch('id', false);
    const [, body = ''] = (id?.value ?? '').split('.');
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as Fields;
    assert.equal(claims['aud'], API);
    assert.equal(claims['email'], made['email']);
    assert.equal(id?.lifetimeSeconds, 3600);
    const { access } = await signIn.fetch('access', false);
    assert.equal(access?.lifetimeSeconds, 3599);
    assert.equal(await statusOf(access.value, cloud.emulator.ready.urls.compute), 200);
  });

  it('works on a machine whose clock is an hour off, either way', async (t) => {
    const cloud = await startCloud(t);
    const made = await cloud.control('POST', '/service-accounts', { name: 'pipeline' });
    for (const hours of [-1, 1]) {
      const signIn = await open(String(made['credentials']), () => Date.now() + hours * 3_600_000);
      assert.ok((await signIn.fetch('id', false)).id, `${hours} h`);
    }
  });

  it('that Google has forgotten names the command that makes another', async (t) => {
    const cloud = await startCloud(t);
    const made = await cloud.control('POST', '/service-accounts', { name: 'pipeline' });
    const key = made['key'] as Fields;
    const stranger = { ...key, client_email: 'stranger@a-project.iam.gserviceaccount.com' };
    const file = write(t, stranger);
    await assert.rejects((await open(file)).fetch('id', false), (error) => {
      assert.ok(error instanceof SignInError);
      assert.equal(
        error.command,
        `gcloud iam service-accounts keys create '${file}' --iam-account=stranger@a-project.iam.gserviceaccount.com`,
      );
      return true;
    });
    const broken = write(t, { ...key, private_key: 'not PEM' });
    await assert.rejects((await open(broken)).fetch('id', false), /private_key is not PEM/);
  });
});

describe('an impersonated service account', () => {
  it('is asked for at IAM with the person’s own token, for both tokens', async (t) => {
    const cloud = await startCloud(t);
    const asked: [string | undefined, unknown, string][] = [];
    const url = await startStandIn(t, (request, response) => {
      void bodyOf(request).then((body) => {
        asked.push([request.url, JSON.parse(body), request.headers.authorization ?? '']);
        const isId = request.url?.endsWith(':generateIdToken');
        response.end(JSON.stringify(isId ? { token: ID_TOKEN } : { accessToken: 'ya29.b' }));
      });
    });
    const account = `${url}/v1/projects/-/serviceAccounts/ci@x.iam.gserviceaccount.com`;
    const signIn = await open(
      write(t, {
        type: 'impersonated_service_account',
        service_account_impersonation_url: `${account}:generateAccessToken`,
        source_credentials: JSON.parse(
          readFileSync(cloud.emulator.ready.credentials, 'utf8'),
        ) as Fields,
        delegates: [],
      }),
    );
    assert.deepEqual((await signIn.fetch('access', false)).access, {
      value: 'ya29.b',
      lifetimeSeconds: 3600,
    });
    assert.deepEqual((await signIn.fetch('id', false)).id, {
      value: ID_TOKEN,
      lifetimeSeconds: 60,
    });
    const [, forId] = asked;
    assert.deepEqual(forId?.[1], { audience: API, delegates: [], includeEmail: true });
    const token = forId[2].replace('Bearer ', '');
    assert.equal(await statusOf(token, cloud.emulator.ready.urls.compute), 200);
  });
});

const ID_TOKEN = `eyJhbGciOiJub25lIn0.${Buffer.from('{"iat":100,"exp":160}').toString('base64url')}.x`;

describe('a credential file', () => {
  const cases: [string, unknown, RegExp][] = [
    [
      'that is not JSON',
      '{"refresh_token": "1//secret"',
      /credentials\.json \(--credentials\) is not JSON\. Get/,
    ],
    [
      'of workload identity',
      { type: 'external_account' },
      /gives no ID tokens: external_account\. It must be auth/,
    ],
    ['of nobody', {}, /gives no ID tokens: nothing that Google writes/],
    [
      'with half of its fields',
      { type: 'authorized_user' },
      /not complete: client_id is wrong or missing/,
    ],
  ];
  for (const [what, content, message] of cases) {
    it(`${what} is refused at once, in words`, async (t) => {
      await assert.rejects(open(write(t, content)), (error) => {
        assert.match(String(error), message);
        assert.doesNotMatch(String(error), /secret/);
        return true;
      });
    });
  }

  it('that is not there is named', async () => {
    await assert.rejects(
      open('/not/there.json'),
      /\/not\/there\.json \(--credentials\) cannot be read: ENOENT/,
    );
  });
});
