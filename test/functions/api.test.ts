// The API through its front door: the real Functions Framework in a process of its own, Google's own client libraries,
// and a small Google on loopback.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import { after, before, describe, it } from 'node:test';
import {
  connectResponse,
  errorBody,
  listSessionsResponse,
  registerResponse,
  session,
  type SessionView,
} from '../../functions/contract.ts';
import { AppError } from '../../functions/errors.ts';
import { until } from '../helpers/until.ts';
import { FakeGoogle } from './fake-google.ts';
import { startFramework, type FrameworkProcess } from './framework-process.ts';

const cleanups: (() => unknown)[] = [];
const google = new FakeGoogle();
let api: FrameworkProcess;

before(async () => {
  const host = await google.listen();
  api = await startFramework(
    { after: (work) => cleanups.unshift(work as () => unknown) },
    { google: host },
  );
});

after(async () => {
  for (const cleanup of cleanups) await cleanup();
  google.close();
});

interface Call {
  token?: string | undefined;
  body?: unknown;
  rawBody?: string | Buffer;
  headers?: Record<string, string>;
}

async function call(method: string, path: string, options: Call = {}) {
  const { token = google.userToken(), body, rawBody, headers = {} } = options;
  const reply = await fetch(api.url + path, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
    ...(body === undefined && rawBody === undefined
      ? {}
      : { body: rawBody ?? JSON.stringify(body) }),
  });
  assert.match(reply.headers.get('content-type') ?? '', /^application\/json/);
  return { status: reply.status, body: await reply.json() };
}

async function refused(method: string, path: string, options: Call = {}) {
  const { status, body } = await call(method, path, options);
  const { error } = errorBody.parse(body);
  assert.equal(error.code, status);
  const [details] = error.details ?? [];
  const violations = (details?.['fieldViolations'] ?? []) as { field: string }[];
  return {
    status: error.status,
    message: error.message,
    fields: violations.map(({ field }) => field),
  };
}

async function ok(method: string, path: string, options: Call = {}): Promise<unknown> {
  const { status, body } = await call(method, path, options);
  assert.equal(status, 200, JSON.stringify(body));
  return body;
}

async function create(name: string, token?: string): Promise<SessionView> {
  return session.parse(await ok('POST', '/v1/sessions', { token, body: { name } }));
}

async function settle(id: string, state: string): Promise<SessionView> {
  let view = session.parse(await ok('GET', `/v1/sessions/${id}`));
  for (let poll = 0; view.state !== state; poll += 1) {
    assert.ok(poll < 40, `still ${JSON.stringify(view)}`);
    const query = `afterRevision=${view.revision}&waitSeconds=5`;
    view = session.parse(await ok('GET', `/v1/sessions/${id}?${query}`));
  }
  return view;
}

async function remove(id: string): Promise<void> {
  await ok('DELETE', `/v1/sessions/${id}`);
  await until('the session is gone', async () => {
    const query = 'afterRevision=1000000&waitSeconds=1';
    return (await call('GET', `/v1/sessions/${id}?${query}`)).status === 404;
  });
}

const report = { bootId: 'boot-1', wake: 0, sequence: 1, gatewayReady: true, kernels: [] };

describe('the api function', () => {
  it('takes a session from POST to READY and away again', async () => {
    const created = await create('whole-life');
    assert.equal(created.state, 'CREATING');
    assert.match(created.image ?? '', /^gcr\.io\/p\/datalab-gateway@sha256:c{64}$/);
    await settle(created.id, 'BOOTING');
    const resource = google.inserted.at(-1);
    assert.ok(resource);
    assert.equal(resource.name, `datalab-${created.id}-1`);
    const attributes = Object.fromEntries(
      resource.metadata.items.map(({ key, value }) => [key, value]),
    );
    assert.equal(attributes['datalab-session'], created.id);
    assert.match(attributes['startup-script'] ?? '', /^#!\/bin\/bash/);

    const path = `/v1/sessions/${created.id}`;
    assert.equal((await refused('POST', `${path}:connect`)).status, 'FAILED_PRECONDITION');
    const token = google.instanceToken();
    const registration = { agentVersion: '1', bootId: 'boot-1' };
    const registered = registerResponse.parse(
      await ok('POST', `${path}:register`, { token, body: registration }),
    );
    const waiting = settle(created.id, 'READY');
    await ok('POST', `${path}:report`, { token, body: report });
    const ready = await waiting;
    assert.equal(ready.instance?.internalIp, '10.0.0.2');

    const connected = connectResponse.parse(await ok('POST', `${path}:connect`));
    assert.equal(connected.accessToken, registered.accessToken);
    assert.deepEqual(connected.tunnel, {
      project: 'p',
      zone: 'europe-west1-b',
      instance: `datalab-${created.id}-1`,
      networkInterface: 'nic0',
      port: 8888,
    });
    const repeated = await create('whole-life');
    assert.equal(repeated.id, created.id);
    await ok('POST', `${path}:stop`);
    await settle(created.id, 'STOPPED');
    await ok('POST', `${path}:start`, { body: {} });
    await settle(created.id, 'BOOTING');
    await remove(created.id);
    assert.equal(google.compute.instances.size, 0);
    assert.ok(!JSON.stringify(ready).includes(connected.accessToken));
    assert.ok(!api.output().includes(connected.accessToken));
  });

  it('makes one session and one instance of 50 requests at once', async () => {
    const made = google.compute.made.length;
    const views = await Promise.all(Array.from({ length: 50 }, () => create('many')));
    const [first] = views;
    assert.equal(new Set(views.map(({ id }) => id)).size, 1);
    await settle(first?.id ?? '', 'BOOTING');
    assert.equal(google.compute.made.length, made + 1);
    await remove(first?.id ?? '');
  });

  it('does not bump the revision for a report that changes nothing', async () => {
    const { id } = await create('quiet');
    await settle(id, 'BOOTING');
    const token = google.instanceToken();
    const path = `/v1/sessions/${id}`;
    await ok('POST', `${path}:register`, { token, body: { agentVersion: '1', bootId: 'boot-1' } });
    const idle = { id: 'k', name: 'python3', state: 'idle', connections: 1, idleSeconds: 3 };
    await ok('POST', `${path}:report`, { token, body: { ...report, kernels: [idle] } });
    const before = await settle(id, 'READY');
    const later = { ...report, sequence: 2, kernels: [{ ...idle, idleSeconds: 33 }] };
    await ok('POST', `${path}:report`, { token, body: later });
    const quiet = await settle(id, 'READY');
    assert.equal(quiet.revision, before.revision);
    assert.equal(quiet.kernels[0]?.idleSeconds, 33);
    const busy = { ...later, sequence: 3, kernels: [{ ...idle, state: 'busy', idleSeconds: 0 }] };
    await ok('POST', `${path}:report`, { token, body: busy });
    await ok('POST', `${path}:report`, { token, body: later });
    const after = await settle(id, 'READY');
    assert.equal(after.kernels[0]?.state, 'busy', 'the older report was dropped');
    assert.equal(after.revision, before.revision + 1);
    await remove(id);
  });

  it('maps what Google refuses, and says it in the session', async () => {
    google.compute.refuseNext = new AppError('RESOURCE_EXHAUSTED', 'quota');
    const failed = await create('refused');
    assert.equal(failed.state, 'FAILED');
    assert.equal(failed.error?.code, 'RESOURCE_EXHAUSTED');
    await remove(failed.id);
    google.hasImages = false;
    const missing = await create('no-image');
    google.hasImages = true;
    assert.equal(missing.error?.code, 'FAILED_PRECONDITION');
    assert.match(
      missing.error.message,
      /gcr\.io\/p\/datalab-(gateway|agent) is not in the registry/,
    );
    await remove(missing.id);
  });

  it('refuses a session of the same name with another machine', async () => {
    const { id } = await create('same');
    const body = { name: 'same', machineType: 'n2-standard-8' };
    const error = await refused('POST', '/v1/sessions', { body });
    assert.equal(error.status, 'ALREADY_EXISTS');
    assert.deepEqual(error.fields, ['machineType']);
    await remove(id);
  });
});

describe('bad requests', () => {
  const bad: [string, unknown, string[]][] = [
    ['an unknown field', { nme: 'x' }, ['nme']],
    ['two unknown fields', { a: 1, b: 2 }, ['a', 'b']],
    ['a malformed name', { name: 'Not_a_name' }, ['name']],
    ['a malformed zone', { zone: 'europe' }, ['zone']],
    ['a disk of half a GB', { diskSizeGb: 10.5 }, ['diskSizeGb']],
    ['a disk of -1 GB', { diskSizeGb: -1 }, ['diskSizeGb']],
    ['a disk of text', { diskSizeGb: '50' }, ['diskSizeGb']],
    ['no object', [1], ['']],
  ];
  for (const [what, body, fields] of bad) {
    it(`names the field at fault: ${what}`, async () => {
      const error = await refused('POST', '/v1/sessions', { body });
      assert.equal(error.status, 'INVALID_ARGUMENT');
      assert.deepEqual(error.fields, fields);
    });
  }

  it('names the parameter at fault', async () => {
    const error = await refused('GET', '/v1/sessions/abc?waitSeconds=1000&nope=1');
    assert.deepEqual(error.fields.sort(), ['nope', 'waitSeconds']);
    assert.deepEqual((await refused('GET', '/v1/sessions?pageToken=%00')).fields, ['pageToken']);
  });

  it('answers malformed JSON, and bytes that are no text, as an error of the API', async () => {
    for (const rawBody of ['{"name":', Buffer.from([0xff, 0xfe]), '{} {}']) {
      const error = await refused('POST', '/v1/sessions', { rawBody });
      assert.equal(error.status, 'INVALID_ARGUMENT');
    }
    const headers = {
      'content-encoding': 'gzip',
      'content-type': 'application/json; charset=nope',
    };
    const error = await refused('POST', '/v1/sessions', { rawBody: 'not gzip', headers });
    assert.equal(error.status, 'INVALID_ARGUMENT');
  });

  it('answers unknown paths and methods, and paths that are none, as errors of the API', async () => {
    for (const path of ['/', '/v1/nothing', '/v1/sessions/abc:explode', '/%zz', '/%ff']) {
      assert.equal((await refused('GET', path)).status, 'NOT_FOUND');
    }
    const wrong = await refused('DELETE', '/v1/sessions');
    assert.equal(wrong.status, 'NOT_FOUND');
    assert.match(wrong.message, /it has POST, GET/);
  });

  it('stores nothing of them', async () => {
    const { sessions } = listSessionsResponse.parse(await ok('GET', '/v1/sessions'));
    assert.deepEqual(sessions, []);
  });
});

describe('who may do what', () => {
  it('refuses tokens that are not Google’s, not for us, not valid any more, or without a verified e-mail', async () => {
    const foreign = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    const past = Math.floor(Date.now() / 1000) - 7200;
    const claims = { aud: 'https://api.example', sub: '1', email: 'a@b', email_verified: true };
    const tokens = [
      'nonsense',
      google.idToken(claims, foreign),
      google.idToken({ ...claims, aud: 'https://elsewhere' }),
      google.idToken({ ...claims, iss: 'https://evil.example' }),
      google.idToken({ ...claims, iat: past, exp: past + 3600 }),
      google.idToken({ ...claims, email_verified: false }),
      google.idToken({ ...claims, email: undefined }),
    ];
    for (const token of tokens) {
      const error = await refused('GET', '/v1/sessions', { token });
      assert.equal(error.status, 'UNAUTHENTICATED');
      assert.ok(!error.message.includes(token));
    }
    assert.ok(!tokens.some((token) => token.includes('.') && api.output().includes(token)));
  });

  it('shows a session to its owner and to administrators only, and connects its owner only', async () => {
    const { id } = await create('mine');
    const path = `/v1/sessions/${id}`;
    const other = google.userToken('other@example.com');
    const calls = [
      ['GET', path],
      ['DELETE', path],
      ['POST', `${path}:stop`],
      ['POST', `${path}:connect`],
    ] as const;
    for (const [method, at] of calls) {
      assert.equal((await refused(method, at, { token: other })).status, 'NOT_FOUND');
    }
    const admin = google.userToken('Admin@example.com');
    await ok('GET', path, { token: admin });
    const connect = await refused('POST', `${path}:connect`, { token: admin });
    assert.equal(connect.status, 'PERMISSION_DENIED');
    const others = await create('mine', other);
    assert.notEqual(others.id, id);
    const listed = async (token: string, query = '') =>
      listSessionsResponse.parse(await ok('GET', `/v1/sessions${query}`, { token }));
    assert.deepEqual(
      (await listed(other)).sessions.map((one) => one.id),
      [others.id],
    );
    const first = await listed(admin, '?pageSize=1');
    assert.deepEqual(
      first.sessions.map((one) => one.id),
      [id],
    );
    const second = await listed(admin, `?pageSize=1&pageToken=${first.nextPageToken ?? ''}`);
    assert.deepEqual(
      second.sessions.map((one) => one.id),
      [others.id],
    );
    assert.equal(second.nextPageToken, undefined);
    await ok('DELETE', `/v1/sessions/${others.id}`, { token: other });
    await remove(id);
    await until('both instances are gone', () => {
      return call('GET', `/v1/sessions/${others.id}`, { token: other }).then(
        (reply) => reply.status === 404,
      );
    });
  });

  it('refuses the service account of kernels everywhere but at :register and :report', async () => {
    const token = google.userToken('datalab-kernels@p.iam.gserviceaccount.com', {
      aud: 'https://api.example',
    });
    assert.equal((await refused('GET', '/v1/sessions', { token })).status, 'PERMISSION_DENIED');
    assert.equal((await refused('POST', '/v1/sessions', { token })).status, 'PERMISSION_DENIED');
  });

  it('takes registrations and reports of the session’s own instance only', async () => {
    const { id } = await create('agents');
    await settle(id, 'BOOTING');
    const body = { agentVersion: '1', bootId: 'b' };
    const tokens = [
      google.userToken(),
      google.instanceToken({ project_id: 'q' }),
      google.instanceToken({ instance_id: '1' }),
      google.instanceToken({ instance_name: 'other' }),
      google.instanceToken({ zone: 'europe-west1-c' }),
    ];
    for (const token of tokens) {
      const error = await refused('POST', `/v1/sessions/${id}:register`, { token, body });
      assert.ok(['PERMISSION_DENIED', 'UNAUTHENTICATED'].includes(error.status));
      const body2 = { ...report };
      const second = await refused('POST', `/v1/sessions/${id}:report`, { token, body: body2 });
      assert.ok(['PERMISSION_DENIED', 'UNAUTHENTICATED'].includes(second.status));
    }
    const token = google.instanceToken();
    await ok('POST', `/v1/sessions/${id}:register`, { token, body });
    assert.equal(
      (await refused('POST', '/v1/sessions/nosuch:register', { token, body })).status,
      'NOT_FOUND',
    );
    await remove(id);
  });

  it('listens on the address that it was given, and on no other', async () => {
    const { port } = new URL(api.url);
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
