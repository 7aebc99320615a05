// Who may do what: tokens, owners, administrators, kernels' accounts, agents; and where the function listens.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import { describe, it } from 'node:test';
import { REPORT, serveApi } from './api-fixture.ts';

const api = serveApi();

describe('who may do what', () => {
  it('refuses tokens that are not Google’s, not for us, not valid any more, or without a verified e-mail', async () => {
    const foreign = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    const past = Math.floor(Date.now() / 1000) - 7200;
    const claims = { aud: 'https://api.example', sub: '1', email: 'a@b', email_verified: true };
    const tokens = [
      'nonsense',
      api.google.idToken(claims, foreign),
      api.google.idToken({ ...claims, aud: 'https://elsewhere' }),
      api.google.idToken({ ...claims, iss: 'https://evil.example' }),
      api.google.idToken({ ...claims, iat: past, exp: past + 3600 }),
      api.google.idToken({ ...claims, email_verified: false }),
      api.google.idToken({ ...claims, email: undefined }),
    ];
    for (const token of tokens) {
      const error = await api.refused('GET', '/v1/sessions', { token });
      assert.equal(error.status, 'UNAUTHENTICATED');
      assert.ok(!error.message.includes(token));
    }
    assert.ok(!tokens.some((token) => token.includes('.') && api.output().includes(token)));
  });

  it('shows a session to its owner and to administrators only, and connects its owner only', async () => {
    const { id } = await api.create('mine');
    const path = `/v1/sessions/${id}`;
    const other = api.google.userToken('other@example.com');
    const calls = [
      ['GET', path],
      ['DELETE', path],
      ['POST', `${path}:stop`],
      ['POST', `${path}:connect`],
    ] as const;
    for (const [method, at] of calls) {
      assert.equal((await api.refused(method, at, { token: other })).status, 'NOT_FOUND');
    }
    const admin = api.google.userToken('Admin@example.com');
    await api.ok('GET', path, { token: admin });
    const connect = await api.refused('POST', `${path}:connect`, { token: admin });
    assert.equal(connect.status, 'PERMISSION_DENIED');
    const others = await api.create('mine', other);
    assert.notEqual(others.id, id);
    assert.deepEqual(
      (await api.list('', other)).sessions.map((one) => one.id),
      [others.id],
    );
    const first = await api.list('?pageSize=1', admin);
    assert.deepEqual(
      first.sessions.map((one) => one.id),
      [id],
    );
    const second = await api.list(`?pageSize=1&pageToken=${first.nextPageToken ?? ''}`, admin);
    assert.deepEqual(
      second.sessions.map((one) => one.id),
      [others.id],
    );
    assert.equal(second.nextPageToken, undefined);
    await api.remove(others.id, other);
    await api.remove(id);
  });

  it('refuses the service account of kernels everywhere but at :register and :report', async () => {
    const token = api.google.userToken('datalab-kernels@p.iam.gserviceaccount.com', {
      aud: 'https://api.example',
    });
    assert.equal((await api.refused('GET', '/v1/sessions', { token })).status, 'PERMISSION_DENIED');
    assert.equal(
      (await api.refused('POST', '/v1/sessions', { token })).status,
      'PERMISSION_DENIED',
    );
  });

  it('takes registrations and reports of the session’s own instance only', async () => {
    const { id } = await api.create('agents');
    await api.settle(id, 'BOOTING');
    const body = { agentVersion: '1', bootId: 'b' };
    const tokens = [
      api.google.userToken(),
      api.google.instanceToken({ project_id: 'q' }),
      api.google.instanceToken({ instance_id: '1' }),
      api.google.instanceToken({ instance_name: 'other' }),
      api.google.instanceToken({ zone: 'europe-west1-c' }),
    ];
    for (const token of tokens) {
      const error = await api.refused('POST', `/v1/sessions/${id}:register`, { token, body });
      assert.ok(['PERMISSION_DENIED', 'UNAUTHENTICATED'].includes(error.status));
      const second = await api.refused('POST', `/v1/sessions/${id}:report`, {
        token,
        body: REPORT,
      });
      assert.ok(['PERMISSION_DENIED', 'UNAUTHENTICATED'].includes(second.status));
    }
    const token = api.google.instanceToken();
    await api.ok('POST', `/v1/sessions/${id}:register`, { token, body });
    assert.equal(
      (await api.refused('POST', '/v1/sessions/nosuch:register', { token, body })).status,
      'NOT_FOUND',
    );
    await api.remove(id);
  });

  it('listens on the address that it was given, and on no other', async () => {
    const { port } = new URL(api.url());
    const addresses = Object.values(networkInterfaces()).flat();
    const outer = addresses.find((one) => one?.family === 'IPv4' && !one.internal)?.address;
    const reachable = (host: string) =>
      fetch(`http://${host}:${port}/health`).then(
        () => true,
        () => false,
      );
    assert.equal(await reachable('127.0.0.1'), true);
    assert.equal(await reachable('127.0.0.2'), false);
    if (outer) assert.equal(await reachable(outer), false);
  });
});
