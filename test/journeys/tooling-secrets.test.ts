// One whole journey, and everything that anybody could read of it afterwards: no answer, log, record or metadata holds a
// secret, but for the two answers that are there to give the access token to those whose it is.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { PROJECT, signIn } from '../emulator/cloud-fixture.ts';
import { startBackend, type Backend } from '../helpers/backend.ts';
import { only } from '../helpers/google-world.ts';
import { newKernel, run } from '../helpers/jupyter-front-end.ts';
import { requireProgram } from '../helpers/requires.ts';

/** Text by where it was found. */
type Readable = Map<string, string>;

/** Any ID token or access token of Google's, whoever has made it. */
const GOOGLE_TOKENS = /eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}|ya29\.[\w-]{10,}/;
const MAY_HOLD_ACCESS_TOKEN = /:(connect|register)$/;
const ENTRIES = { resourceNames: [`projects/${PROJECT}`], pageSize: 1000 };
const PRINT_ENVIRONMENT = 'import os; print(dict(os.environ))';

describe('the secrets of a session', () => {
  it('are in no answer, log, record or metadata of its whole life', async (t) => {
    if (!requireProgram(t, '/usr/bin/jupyter-server')) return;
    // Without an image there is a build too, with its own log and the message of its end.
    const backend = await startBackend(t, { seedGateway: false });
    const { google, stateDir } = backend;
    const signedIn = await signIn(backend.emulator.ready.credentials);
    const you = backend.as(signedIn.id_token);
    // So that the functions have something to log.
    const error = { status: 503, reason: 'unavailable' };
    await backend.control('POST', '/faults', { service: 'registry', method: 'HEAD', error });
    const { id } = await you.create();
    await you.settle(id, 'READY');
    const gateway = await you.gateway(id);
    const kernel = await newKernel(gateway);
    const environment = await run(gateway, kernel, PRINT_ENVIRONMENT);
    await failInEveryWay(backend, id, signedIn.id_token);
    await you.ok('POST', `/v1/sessions/${id}:suspend`);
    await you.settle(id, 'SUSPENDED');
    await you.ok('POST', `/v1/sessions/${id}:start`);
    await you.settle(id, 'READY');
    const fullToken = await identityOf(backend, id);
    await backend.as(fullToken).ok('POST', `/v1/sessions/${id}:register`, {
      body: { agentVersion: '1', bootId: 'another-boot' },
    });

    const secrets = {
      'the access token': gateway.token,
      'the user’s ID token': signedIn.id_token,
      'the user’s access token': signedIn.access_token,
      'the instance’s identity token': fullToken,
      'the gateway’s token': gatewayTokenIn(stateDir),
      'the key of access tokens': tokenKeyIn(stateDir),
    };
    const machine = only(await google.instances(id));
    const place = `/compute/v1/projects/${PROJECT}/zones/${machine.zone}/instances/${machine.name}`;
    const readable: Readable = new Map([
      ['the kernel’s environment', environment],
      ['the instance', JSON.stringify(await google.call('GET', place))],
      ['the serial port', JSON.stringify(await google.call('GET', `${place}/serialPort`))],
      ['Cloud Logging', JSON.stringify(await google.call('POST', '/v2/entries:list', ENTRIES))],
      ...filesIn(stateDir, /^sessions\.sqlite/, 'before the end: '),
    ]);
    await you.ok('DELETE', `/v1/sessions/${id}`);
    await you.settle(id, 'GONE');
    readable.set('the emulator’s log', backend.log.join('\n'));
    for (const [name, text] of filesIn(stateDir, /^sessions\.sqlite|^functions.*\.log$/)) {
      readable.set(name, text);
    }
    for (const [index, { call, text }] of backend.answers.entries()) {
      readable.set(`answer ${index}: ${call}`, text);
    }
    checkComplete(readable, id);
    for (const [where, text] of readable) {
      for (const [what, secret] of Object.entries(secrets)) {
        const isMeant = secret === gateway.token && MAY_HOLD_ACCESS_TOKEN.test(where);
        if (!isMeant) assert.ok(!text.includes(secret), `${what} is in ${where}`);
      }
      assert.doesNotMatch(text, GOOGLE_TOKENS, where);
    }
  });
});

/** What is refused, and why, is where secrets slip out. */
async function failInEveryWay(backend: Backend, id: string, idToken: string): Promise<void> {
  const { you } = backend;
  const other = await backend.another('other@example.com');
  await other.refused('POST', `/v1/sessions/${id}:connect`);
  const forged = `${idToken.slice(0, idToken.lastIndexOf('.'))}.c2lnbmF0dXJl`;
  await backend.as(forged).refused('POST', `/v1/sessions/${id}:connect`);
  await backend.as(`${idToken}A`).refused('GET', `/v1/sessions/${id}`);
  await you.refused('POST', '/v1/sessions', { body: { name: 'default', spot: true } });
  await you.refused('POST', '/v1/sessions', { body: { name: 'No' } });
  await you.refused('POST', `/v1/sessions/${id}:report`);
}

/** As the agent gets it: from the metadata server of its machine. */
async function identityOf({ you, emulator }: Backend, id: string): Promise<string> {
  const { instance } = await you.get(id);
  const account = 'computeMetadata/v1/instance/service-accounts/default';
  const query = `audience=${emulator.ready.urls.api}&format=full`;
  const reply = await fetch(
    `http://${instance?.internalIp ?? ''}:8880/${account}/identity?${query}`,
    { headers: { 'metadata-flavor': 'Google' } },
  );
  assert.equal(reply.status, 200);
  return await reply.text();
}

/** On the instance's disk, where it belongs. */
function gatewayTokenIn(stateDir: string): string {
  const files = readdirSync(stateDir, { recursive: true, encoding: 'utf8' });
  const file = only(files.filter((name) => name.endsWith('/gateway/token')));
  return readFileSync(path.join(stateDir, file), 'utf8').trim();
}

function tokenKeyIn(stateDir: string): string {
  const text = readFileSync(path.join(stateDir, 'emulator.json'), 'utf8');
  return (JSON.parse(text) as { sessionTokenKey: string }).sessionTokenKey;
}

function filesIn(stateDir: string, pattern: RegExp, prefix = ''): [string, string][] {
  return readdirSync(stateDir)
    .filter((name) => pattern.test(name))
    .map((name) => [prefix + name, readFileSync(path.join(stateDir, name), 'latin1')]);
}

/** A search in what is not there finds nothing: what was collected is what it should be. */
function checkComplete(readable: Readable, id: string): void {
  const has = (where: RegExp, what: string) =>
    [...readable].some(([name, text]) => where.test(name) && text.includes(what));
  assert.ok(has(/^before the end: sessions\.sqlite/, id), 'the record was not read');
  assert.ok(has(/^functions\.log$/, 'severity'), 'the functions have logged nothing');
  assert.ok(has(/^the serial port$/, 'registered'), 'the agent has logged nothing');
  assert.ok(has(/^the emulator’s log$/, 'build'), 'the emulator has logged nothing');
  assert.ok(has(/^Cloud Logging$/, 'DONE'), 'the build has logged nothing');
  assert.ok(has(/^Cloud Logging$/, '?token=...'), 'the gateway has logged nothing');
  assert.ok(has(/^the instance$/, 'datalab-gateway-image'), 'no metadata was read');
  assert.ok(has(/:connect$/, 'accessToken') && has(/:register$/, 'accessToken'));
}
