// Who may do what with whose session: another user, an administrator, a service account, and code in a kernel.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { errorBody, listSessionsResponse } from '../../functions/contract.ts';
import { PROJECT, request } from '../emulator/cloud-fixture.ts';
import { callRoute, routesOf, type ApiRoute } from '../helpers/api-routes.ts';
import { startBackend, type Answer, type Backend, type Tooling } from '../helpers/backend.ts';
import { only } from '../helpers/google-world.ts';
import { newKernel, run } from '../helpers/jupyter-front-end.ts';
import { requireProgram } from '../helpers/requires.ts';
import { signInAccount } from '../helpers/service-account.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const JUPYTER = '/usr/bin/jupyter-server';
const ADMINISTRATOR = 'administrator@example.com';
/** Of a session's id, and of no session. */
const UNKNOWN = 'nosuchsession';

/** One session that is READY, and an administrator. */
async function startWithSession(t: TestContext): Promise<Backend & { id: string }> {
  const policy = path.join(temporaryFolder(t), 'policy.json');
  writeFileSync(policy, JSON.stringify({ administrators: [ADMINISTRATOR] }));
  const backend = await startBackend(t, {}, { POLICY_FILE: policy });
  const { id } = await backend.you.create({ name: 'private' });
  await backend.you.settle(id, 'READY');
  return { ...backend, id };
}

describe('a session of somebody else', () => {
  it('is not there, on every route, for users and service accounts alike', async (t) => {
    if (!requireProgram(t, JUPYTER)) return;
    const backend = await startWithSession(t);
    const { you, google, id } = backend;
    const routes = (await routesOf(you)).filter(isOnSession).filter(isUsers);
    assert.ok(routes.length >= 7, 'the document lacks routes');
    const strangers = [await backend.another('other@example.com'), await pipelineOf(backend)];
    const before = await you.get(id);
    for (const stranger of strangers) {
      for (const route of routes) {
        const [answer, unknown] = [
          await callRoute(stranger, route, id),
          await callRoute(stranger, route, UNKNOWN),
        ];
        assert.equal(answer.status, 404, `${route.method} ${route.path}`);
        const told = JSON.stringify(answer.body).replaceAll(id, UNKNOWN);
        assert.equal(
          told,
          JSON.stringify(unknown.body),
          'it can be told from one that is not there',
        );
      }
      assert.deepEqual(await stranger.ok('GET', '/v1/sessions'), { sessions: [] });
    }
    assert.equal((await you.get(id)).revision, before.revision);
    assert.equal(only(await google.instances()).status, 'RUNNING');

    await you.ok('DELETE', `/v1/sessions/${id}`);
    await you.settle(id, 'GONE');
    await you.ok('DELETE', `/v1/sessions/${id}`);
    for (const stranger of strangers) {
      const repeated = await stranger.refused('DELETE', `/v1/sessions/${id}`);
      assert.equal(repeated.code, 404, 'a stranger learns that there was a session');
    }
  });

  it('is seen and stopped by an administrator, who does not get in', async (t) => {
    if (!requireProgram(t, JUPYTER)) return;
    const backend = await startWithSession(t);
    const { google, id } = backend;
    const administrator = await backend.another(ADMINISTRATOR);
    assert.equal((await administrator.get(id)).state, 'READY');
    const list = listSessionsResponse.parse(await administrator.ok('GET', '/v1/sessions'));
    assert.deepEqual(
      list.sessions.map((session) => session.id),
      [id],
    );
    const refusal = await administrator.refused('POST', `/v1/sessions/${id}:connect`);
    assert.equal(refusal.status, 'PERMISSION_DENIED');
    await administrator.ok('POST', `/v1/sessions/${id}:stop`);
    await administrator.settle(id, 'STOPPED');
    assert.equal(only(await google.instances(id)).status, 'TERMINATED');
  });
});

describe('a service account of team tooling', () => {
  it('owns a session as anybody else does, beside a user’s of the same name', async (t) => {
    if (!requireProgram(t, JUPYTER)) return;
    const backend = await startBackend(t);
    const { you, google } = backend;
    const pipeline = await pipelineOf(backend);
    const [yours, its] = await Promise.all([you.create(), pipeline.create()]);
    assert.notEqual(yours.id, its.id);
    assert.equal(its.owner.email, `pipeline@${PROJECT}.iam.gserviceaccount.com`);
    await Promise.all([you.settle(yours.id, 'READY'), pipeline.settle(its.id, 'READY')]);
    const gateway = await pipeline.gateway(its.id);
    assert.equal((await run(gateway, await newKernel(gateway), '6*7')).trim(), '42');
    assert.equal((await you.refused('GET', `/v1/sessions/${its.id}`)).code, 404);
    assert.equal((await pipeline.refused('GET', `/v1/sessions/${yours.id}`)).code, 404);
    await pipeline.ok('DELETE', `/v1/sessions/${its.id}`);
    await pipeline.settle(its.id, 'GONE');
    assert.equal(only(await google.instances()).labels['datalab-session'], yours.id);
  });
});

describe('code in a kernel', () => {
  it('has no rights at the API: what its VM may do needs the VM’s full token, for that VM alone', async (t) => {
    if (!requireProgram(t, JUPYTER)) return;
    const backend = await startBackend(t);
    const { you } = backend;
    const { api, reapIdle } = backend.emulator.ready.urls;
    const [{ id }, neighbour] = await Promise.all([you.create(), you.create({ name: 'other' })]);
    await Promise.all([you.settle(id, 'READY'), you.settle(neighbour.id, 'READY')]);
    const before = await you.get(neighbour.id);
    const gateway = await you.gateway(id);
    const kernel = await newKernel(gateway);
    const tokenOf = async (query: string) => (await run(gateway, kernel, askFor(query))).trim();
    const plain = await tokenOf(`audience=${api}`);
    const full = await tokenOf(`audience=${api}&format=full`);
    const routes = await routesOf(you);
    assert.ok(routes.some(({ caller }) => caller === 'agent'));
    for (const route of routes.filter(({ caller }) => caller !== 'anybody')) {
      checkDenied(await callRoute(backend.as(plain), route, id), route);
      // To another session's instance it is no better than the plain one.
      checkDenied(await callRoute(backend.as(full), route, neighbour.id), route);
    }
    for (const route of routes.filter(isUsers)) {
      checkDenied(await callRoute(backend.as(full), route, id), route);
    }
    // It is the form of the token that was refused: the full one gets as far as the report, which is none.
    const report = { body: { bootId: 'x' } };
    const { status } = await backend.as(full).refused('POST', `/v1/sessions/${id}:report`, report);
    assert.equal(status, 'INVALID_ARGUMENT');
    const forReaper = await tokenOf(`audience=${reapIdle}`);
    assert.equal((await request('POST', reapIdle, undefined, forReaper)).status, 403);
    assert.equal((await you.get(neighbour.id)).revision, before.revision);
    assert.deepEqual(
      listSessionsResponse.parse(await you.ok('GET', '/v1/sessions')).sessions.length,
      2,
    );
  });
});

function isOnSession({ path: where }: ApiRoute): boolean {
  return where.includes('{id}');
}

function isUsers({ caller }: ApiRoute): boolean {
  return caller === 'user';
}

function checkDenied({ status, body }: Answer, { method, path: where }: ApiRoute): void {
  assert.equal(status, 403, `${method} ${where}: ${JSON.stringify(body)}`);
  assert.equal(errorBody.parse(body).error.status, 'PERMISSION_DENIED');
}

async function pipelineOf(backend: Backend): Promise<Tooling> {
  const email = `pipeline@${PROJECT}.iam.gserviceaccount.com`;
  return backend.as(await signInAccount(backend, email, backend.emulator.ready.urls.api));
}

/** Python that prints what the machine's metadata server gives anybody on it. */
function askFor(query: string): string {
  return `
import os, urllib.request
url = f"http://{os.environ['GCE_METADATA_HOST']}/computeMetadata/v1/instance/service-accounts/default/identity?${query}"
print(urllib.request.urlopen(urllib.request.Request(url, headers={'Metadata-Flavor': 'Google'})).read().decode())
`;
}
