// How sign-ins end: tokens that live as long as the control API says, and refresh tokens that are revoked and given anew.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { WebSocket } from 'ws';
import { until } from '../helpers/until.ts';
import { ECHO_PORT } from './echo-runtime.ts';
import { createLeapingClock } from './leaping-clock.ts';
import {
  FIRST_USER,
  insert,
  request,
  signIn,
  startCloud,
  ZONE,
  type Cloud,
  type Fields,
} from './cloud-fixture.ts';

function fileOf({ emulator }: Cloud): Record<string, string> {
  return JSON.parse(readFileSync(emulator.ready.credentials, 'utf8')) as Record<string, string>;
}

async function exchange(file: Record<string, string>): Promise<Fields> {
  const form = { grant_type: 'refresh_token', ...file };
  const reply = await fetch(file['token_uri'] ?? '', {
    method: 'POST',
    body: new URLSearchParams(form),
  });
  return { status: reply.status, ...((await reply.json()) as Fields) };
}

function lifetimeOf(idToken: unknown): number {
  const [, body = ''] = String(idToken).split('.');
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as Record<string, number>;
  return (claims['exp'] ?? 0) - (claims['iat'] ?? 0);
}

interface Dialled {
  isOpen(): boolean;
  /** A close code, or the status of the refused handshake. */
  end: Promise<number>;
}

function dial(t: TestContext, cloud: Cloud, token: string): Dialled {
  const query = `project=a-project&zone=${ZONE}&instance=one&interface=nic0&port=${ECHO_PORT}`;
  const socket = new WebSocket(
    `${cloud.emulator.ready.urls.iap}/connect?${query}`,
    'relay.tunnel.cloudproxy.app',
    { headers: { authorization: `Bearer ${token}`, origin: 'bot:iap-tunneler' } },
  );
  t.after(() => {
    socket.terminate();
  });
  let isOpen = false;
  socket.once('message', () => (isOpen = true));
  const end = new Promise<number>((resolve) => {
    socket.once('close', resolve);
    socket.once('unexpected-response', (_, response) => {
      resolve(response.statusCode ?? 0);
    });
    socket.on('error', () => undefined);
  });
  return { isOpen: () => isOpen, end };
}

/** The instance may still be booting. */
function openTunnel(t: TestContext, cloud: Cloud, token: string): Promise<Dialled> {
  return until('a tunnel is open', async () => {
    const dialled = dial(t, cloud, token);
    let isOver = false;
    void dialled.end.then(() => (isOver = true));
    await until('it is open or refused', () => dialled.isOpen() || isOver);
    return dialled.isOpen() && dialled;
  });
}

describe('tokens', () => {
  it('live as long as the control API says, also after a restart', async (t) => {
    const cloud = await startCloud(t);
    assert.deepEqual(await cloud.control('POST', '/tokens', { seconds: 5 }), { seconds: 5 });
    const given = await exchange(fileOf(cloud));
    assert.equal(given['expires_in'], 4);
    assert.equal(lifetimeOf(given['id_token']), 5);
    await cloud.emulator.end();
    const again = await startCloud(t, { stateDir: cloud.stateDir });
    assert.equal((await exchange(fileOf(again)))['expires_in'], 4);
    await again.control('POST', '/tokens', { seconds: 3600 });
    assert.equal((await exchange(fileOf(again)))['expires_in'], 3599);
  });

  it('live for one second at least and for an hour at most', async (t) => {
    const cloud = await startCloud(t);
    for (const body of [{ seconds: 0 }, { seconds: 3601 }, { seconds: 1.5 }, {}, { minutes: 1 }]) {
      await assert.rejects(cloud.control('POST', '/tokens', body), /"code":400/);
    }
  });

  it('are refused by Compute Engine and by IAP once they have expired, in an open tunnel too', async (t) => {
    const clock = createLeapingClock();
    const cloud = await startCloud(t, { clock });
    await insert(cloud, 'one');
    await cloud.allowTunnel('one', ECHO_PORT);
    await cloud.control('POST', '/tokens', { seconds: 60 });
    const { access_token: token } = await signIn(cloud.emulator.ready.credentials);
    const tunnel = await openTunnel(t, cloud, token);
    clock.leap(61_000);
    assert.equal(await tunnel.end, 4004);
    assert.equal(await dial(t, cloud, token).end, 401);
    assert.equal((await cloud.call('GET', '/zones', undefined, token)).status, 401);
    const { access_token: fresh } = await signIn(cloud.emulator.ready.credentials);
    assert.equal((await cloud.call('GET', '/zones', undefined, fresh)).status, 200);
  });
});

describe('a sign-in that is revoked', () => {
  it('gives no more tokens, in Google’s words, also after a restart, until it is given again', async (t) => {
    const cloud = await startCloud(t);
    const before = fileOf(cloud);
    await cloud.control('POST', `/users/${FIRST_USER}:revoke`);
    assert.deepEqual(await exchange(before), {
      status: 400,
      error: 'invalid_grant',
      error_description: 'Token has been expired or revoked.',
    });
    await cloud.emulator.end();
    const again = await startCloud(t, { stateDir: cloud.stateDir }).catch(
      (error: unknown) => error,
    );
    assert.match(String(again), /invalid_grant/, 'the fixture signs in');
  });

  it('is given again by asking for the user: another refresh token for the same person', async (t) => {
    const cloud = await startCloud(t);
    const before = fileOf(cloud);
    const first = await request('POST', `${cloud.emulator.ready.urls.control}/users`, {
      email: FIRST_USER,
    });
    assert.equal(fileOf(cloud)['refresh_token'], before['refresh_token'], 'nothing was revoked');
    await cloud.control('POST', `/users/${encodeURIComponent(FIRST_USER)}:revoke`);
    await cloud.control('POST', '/users', { email: FIRST_USER });
    const after = fileOf(cloud);
    assert.notEqual(after['refresh_token'], before['refresh_token']);
    assert.equal((await exchange(before))['error'], 'invalid_grant');
    assert.equal((await exchange(after))['status'], 200);
    const file = JSON.parse(readFileSync(String(first.body['credentials']), 'utf8')) as Fields;
    assert.deepEqual(file, after, 'both of the first user’s files');
  });

  it('is of somebody who is there', async (t) => {
    const cloud = await startCloud(t);
    await assert.rejects(cloud.control('POST', '/users/nobody@example.com:revoke'), /"code":404/);
  });
});
