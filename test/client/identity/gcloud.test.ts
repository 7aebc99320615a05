// Google's own gcloud, signed in to the emulator: what the client makes of what it prints and of how it fails. What it
// never does on a test machine (hanging, being interrupted) a script does in its place.
import assert from 'node:assert/strict';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { Interrupted } from '../../../client/errors.ts';
import { SignInError, type SignIn } from '../../../client/identity/credentials.ts';
import { signInOfGcloud, type GcloudOptions } from '../../../client/identity/gcloud.ts';
import { runGcloud } from '../../../client/identity/gcloud-program.ts';
import { claimsOf } from '../../../client/identity/token-endpoint.ts';
import {
  FIRST_USER,
  PROJECT,
  startCloud,
  type Cloud,
  type Fields,
} from '../../emulator/cloud-fixture.ts';
import { runClient } from '../../helpers/client.ts';
import { requireProgram } from '../../helpers/requires.ts';
import { startStandIn } from '../../helpers/stand-in.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';
import { signInGcloud } from '../../helpers/gcloud-login.ts';
import { until } from '../../helpers/until.ts';

const API = 'https://europe-west1-a-project.cloudfunctions.net/api';

async function signedIn(t: TestContext, cloud: Cloud, account: string): Promise<SignIn> {
  const { env, gcloudDir } = await signInGcloud(t, cloud.emulator.ready, account);
  return signInOfGcloud({ ...OPTIONS, account, env, gcloudDir });
}

const OPTIONS: Omit<GcloudOptions, 'account'> = {
  apiUrl: API,
  gcloudDir: '/not/there',
  env: {},
  interrupt: new AbortController().signal,
};

/** A gcloud that is this script. */
function standIn(t: TestContext, script: string): GcloudOptions['env'] {
  const folder = temporaryFolder(t);
  writeFileSync(path.join(folder, 'gcloud'), `#!/bin/bash\n${script}\n`);
  chmodSync(path.join(folder, 'gcloud'), 0o755);
  return { PATH: `${folder}:${process.env['PATH'] ?? ''}` };
}

describe('gcloud’s account', () => {
  it('of a person gives both tokens, and after a refusal another access token', async (t) => {
    if (!requireProgram(t, 'gcloud')) return;
    const cloud = await startCloud(t);
    const signIn = await signedIn(t, cloud, FIRST_USER);
    const { id } = await signIn.fetch('id', false);
    assert.equal(claimsOf(id?.value ?? '').email, FIRST_USER);
    assert.equal(id?.lifetimeSeconds, 3600);
    const first = (await signIn.fetch('access', false)).access?.value ?? '';
    assert.equal((await signIn.fetch('access', false)).access?.value, first, 'gcloud keeps it');
    const { access } = await signIn.fetch('access', true);
    assert.notEqual(access?.value, first);
    const zones = await cloud.call('GET', '/zones', undefined, access?.value);
    assert.equal(zones.status, 200);
  });

  it('whose sign-in was revoked asks to sign in again, in gcloud’s words, and is back afterwards', async (t) => {
    if (!requireProgram(t, 'gcloud')) return;
    const cloud = await startCloud(t);
    const login = await signInGcloud(t, cloud.emulator.ready, FIRST_USER);
    const { env, gcloudDir } = login;
    const signIn = signInOfGcloud({ ...OPTIONS, account: FIRST_USER, env, gcloudDir });
    await cloud.control('POST', `/users/${FIRST_USER}:revoke`);
    for (const kind of ['id', 'access'] as const) {
      await assert.rejects(signIn.fetch(kind, true), (error) => {
        assert.ok(error instanceof SignInError);
        assert.equal(
          error.message,
          `gcloud has no token for ${FIRST_USER}: There was a problem refreshing your current auth tokens: ` +
            `invalid_grant: Token has been expired or revoked. Sign in again with: gcloud auth login ${FIRST_USER}`,
        );
        return true;
      });
    }
    const before = readFileSync(signIn.files[0] ?? '');
    await cloud.control('POST', '/users', { email: FIRST_USER });
    await login.again();
    assert.notDeepEqual(readFileSync(signIn.files[0] ?? ''), before, 'the file that is watched');
    assert.ok((await signIn.fetch('id', false)).id);
  });

  it('of a service account gives ID tokens for the API', async (t) => {
    if (!requireProgram(t, 'gcloud')) return;
    const cloud = await startCloud(t);
    const email = `pipeline@${PROJECT}.iam.gserviceaccount.com`;
    const signIn = await signedIn(t, cloud, email);
    const { id } = await signIn.fetch('id', false);
    const [, body = ''] = (id?.value ?? '').split('.');
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as Fields;
    assert.equal(claims['aud'], API);
    assert.equal(claims['email'], email);
    const { access } = await signIn.fetch('access', false);
    assert.equal((await cloud.call('GET', '/zones', undefined, access?.value)).status, 200);
  });

  it('that it does not know, and a network that is not there, are two things', async (t) => {
    if (!requireProgram(t, 'gcloud')) return;
    const cloud = await startCloud(t);
    const { env, gcloudDir } = await signInGcloud(t, cloud.emulator.ready, FIRST_USER);
    const stranger = signInOfGcloud({ ...OPTIONS, account: 'who@example.com', env, gcloudDir });
    await assert.rejects(stranger.fetch('id', false), (error) => {
      assert.ok(error instanceof SignInError);
      assert.match(
        error.message,
        /who@example\.com: .*not have any valid credentials\. Sign in again/,
      );
      return true;
    });
    const cut = { ...env, CLOUDSDK_AUTH_TOKEN_HOST: 'http://127.0.0.1:1/token' };
    const signIn = signInOfGcloud({ ...OPTIONS, account: FIRST_USER, env: cut, gcloudDir });
    await assert.rejects(signIn.fetch('id', false), (error) => {
      assert.ok(!(error instanceof SignInError));
      assert.match(
        String(error),
        /Try it by hand: gcloud auth print-identity-token you@example\.com$/,
      );
      return true;
    });
  });
});

describe('the program', () => {
  it('calls the API as gcloud’s active account, with nothing said', async (t) => {
    if (!requireProgram(t, 'gcloud')) return;
    const cloud = await startCloud(t);
    const { env } = await signInGcloud(t, cloud.emulator.ready, FIRST_USER);
    const callers: (string | undefined)[] = [];
    const url = await startStandIn(t, ({ headers }, response) => {
      callers.push(claimsOf(headers.authorization ?? '').email);
      response.end('{"sessions":[]}');
    });
    const quiet = { DATALAB_API_URL: url, GOOGLE_APPLICATION_CREDENTIALS: '' };
    const list = runClient(t, temporaryFolder(t), ['list'], { ...env, ...quiet });
    assert.equal(await list.ended, 0, list.stderr());
    assert.deepEqual(callers, [FIRST_USER]);
  });
});

describe('a run of gcloud', () => {
  const run = (env: GcloudOptions['env'], change: Partial<GcloudOptions> = {}) =>
    runGcloud(['auth', 'print-access-token'], { ...OPTIONS, env, ...change });

  it('is ended when it takes too long, and at Ctrl-C', async (t) => {
    const env = standIn(t, 'exec sleep 60');
    await assert.rejects(run(env, { limitMilliseconds: 100 }), /did not answer within 0\.1 s/);
    const interrupt = new AbortController();
    const running = run(env, { interrupt: interrupt.signal });
    interrupt.abort();
    await assert.rejects(running, Interrupted);
    await assert.rejects(run(standIn(t, 'kill -INT $$')), Interrupted);
  });

  it('is ended with what it has started, where it is a script that waits for that', async (t) => {
    const folder = temporaryFolder(t);
    const file = path.join(folder, 'pid');
    const env = standIn(t, `sleep 60 & echo $! > '${file}'; wait`);
    const slow = runGcloud([], { env, interrupt: OPTIONS.interrupt, limitMilliseconds: 500 });
    await assert.rejects(slow, { message: 'it did not answer within 0.5 s.' });
    const pid = Number(readFileSync(file, 'utf8'));
    await until('what it has started is gone', () => !isAlive(pid));
  });

  it('asks nobody, and gets the environment', async (t) => {
    const env = standIn(
      t,
      'read -r answer && exit 1; echo "token-$CLOUDSDK_CORE_DISABLE_PROMPTS-$MINE"',
    );
    assert.equal(await run({ ...env, MINE: '1' }), 'token-1-1');
  });

  it('that fails says why in one line, without a token', async (t) => {
    const said =
      'WARNING: something\nERROR: (gcloud.auth.print-access-token) Not with ya29.a-token_b, no.\nmore';
    await assert.rejects(run(standIn(t, `echo '${said}' >&2; exit 1`)), {
      message: 'Not with [token], no.',
    });
    await assert.rejects(run(standIn(t, 'exit 3')), { message: 'it did not say why.' });
    await assert.rejects(run(standIn(t, 'echo two words')), /not a token/);
    await assert.rejects(run({ PATH: '/not/there' }), /cannot be run .*ENOENT/);
  });

  it('that found the clock wrong says so', async (t) => {
    const said =
      "ERROR: (gcloud.auth.print-identity-token) There was a problem refreshing your current auth tokens: ('invalid_grant: Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.', {'error': 'invalid_grant'})";
    const env = standIn(t, `cat >&2 <<'END'\n${said}\nEND\nexit 1`);
    const signIn = signInOfGcloud({ ...OPTIONS, account: 'a@p.iam.gserviceaccount.com', env });
    await assert.rejects(signIn.fetch('id', false), (error) => {
      assert.ok(!(error instanceof SignInError));
      assert.match(String(error), /timedatectl set-ntp true$/);
      return true;
    });
  });
});

/** A process that has ended and that nobody has asked about yet is not. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
