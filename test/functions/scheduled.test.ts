// The reapIdle function in the real framework: Cloud Scheduler's POST moves on what nobody looks at, nobody else's does.
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { errorBody } from '../../functions/contract.ts';
import { until } from '../helpers/until.ts';
import { serveApi } from './api-fixture.ts';

const REAP_URL = 'https://reap.example';
const ACCOUNT = 'datalab-scheduler@p.iam.gserviceaccount.com';

// Short claims: what a step has become of is looked at soon.
const api = serveApi({ env: { REAP_URL, CLAIM_SECONDS: '6' } });
let url: string;

before(async () => {
  ({ url } = await api.startBeside('reapIdle'));
});

async function send(method: string, path: string, token?: string) {
  const reply = await fetch(url + path, {
    method,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  });
  assert.match(reply.headers.get('content-type') ?? '', /^application\/json/);
  return { status: reply.status, body: await reply.json() };
}

const schedulerToken = (claims: Readonly<Record<string, unknown>> = {}) =>
  api.google.userToken(ACCOUNT, { aud: REAP_URL, ...claims });

describe('the reapIdle function', () => {
  it('moves on a session that nobody looks at', async () => {
    const { id } = await api.create('unwatched');
    await until('the session boots', async () => {
      const { status, body } = await send('POST', '/', schedulerToken());
      assert.equal(status, 200, JSON.stringify(body));
      assert.equal((body as { failed: number }).failed, 0);
      // A list looks at nothing but the store.
      const { sessions } = await api.list();
      return sessions.find((one) => one.id === id)?.state === 'BOOTING';
    });
    await api.remove(id);
  });

  it('refuses everybody but the scheduler’s account, and tokens for other places', async () => {
    const tokens: [string | undefined, string][] = [
      [undefined, 'UNAUTHENTICATED'],
      ['nonsense', 'UNAUTHENTICATED'],
      [schedulerToken({ aud: 'https://api.example' }), 'UNAUTHENTICATED'],
      [schedulerToken({ exp: 1 }), 'UNAUTHENTICATED'],
      [schedulerToken({ email_verified: false }), 'PERMISSION_DENIED'],
      [api.google.userToken('admin@example.com', { aud: REAP_URL }), 'PERMISSION_DENIED'],
    ];
    for (const [token, expected] of tokens) {
      const { status, body } = await send('POST', '/', token);
      const { error } = errorBody.parse(body);
      assert.equal(error.status, expected);
      assert.equal(error.code, status);
    }
  });

  it('has nothing else, not even for the scheduler', async () => {
    for (const [method, path] of [
      ['GET', '/'],
      ['DELETE', '/'],
      ['POST', '/v1/sessions'],
    ] as const) {
      const { body } = await send(method, path, schedulerToken());
      assert.equal(errorBody.parse(body).error.status, 'NOT_FOUND');
    }
  });
});
