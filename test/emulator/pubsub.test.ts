// Emulated Pub/Sub: events of builds reach a function in the real Functions Framework, at least once.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { OAuth2Client } from 'google-auth-library';
import { systemClock } from '../../emulator/clock.ts';
import { createCloudBuild } from '../../emulator/cloudbuild/cloudbuild.ts';
import { openLogEntries } from '../../emulator/logging/entries.ts';
import { openOidcState } from '../../emulator/oidc/state.ts';
import { createTokens } from '../../emulator/oidc/tokens.ts';
import { NO_DURATIONS } from '../../emulator/options.ts';
import { createPubsub, type PubsubOptions } from '../../emulator/pubsub/pubsub.ts';
import { createRouter } from '../../emulator/router.ts';
import { FRAMEWORK, freePort } from '../functions/framework-process.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';
import { bashBuild } from './build-fixture.ts';
import { PROJECT, type Fields } from './cloud-fixture.ts';

const TOPIC = `projects/${PROJECT}/topics/cloud-builds`;

interface Received {
  headers: IncomingHttpHeaders;
  url: string;
  body: {
    message: { data: string; attributes: Record<string, string>; messageId: string };
    subscription: string;
  };
}

/** A push endpoint that answers with `statuses`, then 204. */
async function startEndpoint(t: TestContext, statuses: number[] = []) {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.on('end', () => {
      const { headers, url = '' } = request;
      received.push({ headers, url, body: JSON.parse(text) as Received['body'] });
      response.writeHead(statuses.shift() ?? 204).end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { received, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

function open(t: TestContext, overrides: Partial<PubsubOptions> = {}) {
  const stateDir = overrides.stateDir ?? temporaryFolder(t);
  const oidc = openOidcState(stateDir);
  const log: string[] = [];
  const pubsub = createPubsub({
    stateDir,
    project: { id: PROJECT, number: '123456789012' },
    tokens: createTokens(oidc, systemClock),
    clock: systemClock,
    durations: NO_DURATIONS,
    log: (line) => log.push(line),
    ...overrides,
  });
  t.after(() => {
    pubsub.close();
  });
  pubsub.ensureTopic(TOPIC);
  return { pubsub, oidc, stateDir, log };
}

function pendingOf(stateDir: string): number {
  const state = JSON.parse(readFileSync(path.join(stateDir, 'pubsub.json'), 'utf8')) as {
    subscriptions: { pending: unknown[] }[];
  };
  return state.subscriptions.reduce((count, { pending }) => count + pending.length, 0);
}

describe('an event', () => {
  it('is a CloudEvent with an ID token for the function', async (t) => {
    const { pubsub, oidc, stateDir } = open(t);
    const endpoint = await startEndpoint(t);
    pubsub.subscribe(TOPIC, endpoint.url);
    const messageId = pubsub.publish(TOPIC, Buffer.from('{"id":"1"}'), { status: 'QUEUED' });
    await until('it is acknowledged', () => pendingOf(stateDir) === 0);
    const [event] = endpoint.received;
    assert.ok(event);
    assert.equal(event.headers['ce-id'], messageId);
    assert.equal(event.headers['ce-source'], `//pubsub.googleapis.com/${TOPIC}`);
    assert.equal(event.headers['ce-type'], 'google.cloud.pubsub.topic.v1.messagePublished');
    assert.equal(Buffer.from(event.body.message.data, 'base64').toString(), '{"id":"1"}');
    assert.deepEqual(event.body.message.attributes, { status: 'QUEUED' });
    assert.match(event.body.subscription, /^projects\/a-project\/subscriptions\/eventarc-/);
    const idToken = (event.headers.authorization ?? '').replace('Bearer ', '');
    const key = oidc.publicKey.export({ type: 'spki', format: 'pem' }).toString();
    const ticket = await new OAuth2Client().verifySignedJwtWithCertsAsync(
      idToken,
      { [oidc.keyId]: key },
      endpoint.url,
      ['https://accounts.google.com'],
    );
    assert.equal(ticket.getPayload()?.email, `datalab-events@${PROJECT}.iam.gserviceaccount.com`);
  });

  it('is delivered again until it is taken', async (t) => {
    const { pubsub, stateDir, log } = open(t);
    const endpoint = await startEndpoint(t, [500, 429, 302]);
    pubsub.subscribe(TOPIC, endpoint.url);
    pubsub.publish(TOPIC, Buffer.from('x'), {});
    await until('it is acknowledged', () => pendingOf(stateDir) === 0);
    assert.equal(endpoint.received.length, 4);
    assert.match(log.join('\n'), /was not taken \(HTTP 500\); again in 50 ms/);
  });

  it('is given up when it is too old', async (t) => {
    const durations = { ...NO_DURATIONS, eventRetentionMilliseconds: 100 };
    const { pubsub, stateDir, log } = open(t, { durations });
    pubsub.subscribe(TOPIC, `http://127.0.0.1:${await freePort()}`);
    pubsub.publish(TOPIC, Buffer.from('x'), {});
    await until('it is given up', () => pendingOf(stateDir) === 0);
    assert.match(log.join('\n'), /is given up: connect ECONNREFUSED/);
  });

  it('outlives the emulator, and follows the function to its new port', async (t) => {
    const { pubsub, stateDir } = open(t);
    pubsub.subscribe(TOPIC, `http://127.0.0.1:${await freePort()}`);
    const messageId = pubsub.publish(TOPIC, Buffer.from('x'), {});
    pubsub.close();
    const again = open(t, { stateDir });
    const endpoint = await startEndpoint(t);
    again.pubsub.subscribe(TOPIC, endpoint.url);
    await until('it is acknowledged', () => pendingOf(stateDir) === 0);
    assert.deepEqual(
      endpoint.received.map(({ body }) => body.message.messageId),
      [messageId],
    );
    assert.notEqual(again.pubsub.publish(TOPIC, Buffer.from('y'), {}), messageId);
  });

  it('can be lost or doubled by whoever asks for that', async (t) => {
    const fates = ['drop', 'double', 'deliver'] as const;
    let count = 0;
    const { pubsub, stateDir } = open(t, { fate: () => fates[count++] ?? 'deliver' });
    const endpoint = await startEndpoint(t);
    pubsub.subscribe(TOPIC, endpoint.url);
    for (const text of ['lost', 'twice', 'once']) pubsub.publish(TOPIC, Buffer.from(text), {});
    await until('all have come', () => endpoint.received.length === 3);
    await until('they are acknowledged', () => pendingOf(stateDir) === 0);
    const texts = endpoint.received.map(({ body }) =>
      Buffer.from(body.message.data, 'base64').toString(),
    );
    assert.deepEqual(texts.sort(), ['once', 'twice', 'twice']);
  });

  it('is taken by a function in the real Functions Framework', async (t) => {
    const { pubsub, stateDir } = open(t);
    const folder = temporaryFolder(t);
    const library = path.resolve(
      import.meta.dirname,
      '../../node_modules/@google-cloud/functions-framework',
    );
    const source = `const { cloudEvent } = require(${JSON.stringify(library)});
      cloudEvent('onBuildFinished', ({ id, type, data }) => {
        const text = Buffer.from(data.message.data, 'base64').toString();
        console.log(JSON.stringify([id, type, text, data.message.attributes]));
      });`;
    writeFileSync(path.join(folder, 'function.cjs'), source);
    writeFileSync(path.join(folder, 'package.json'), '{"main": "function.cjs"}');
    const port = await freePort();
    const child = spawn(
      process.execPath,
      [FRAMEWORK, '--target=onBuildFinished', '--signature-type=cloudevent', `--port=${port}`],
      { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] },
    );
    t.after(async () => {
      child.kill('SIGKILL');
      await once(child, 'exit');
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    // It may not listen yet: then the event is delivered again.
    pubsub.subscribe(TOPIC, `http://127.0.0.1:${port}`);
    const id = pubsub.publish(TOPIC, Buffer.from('{}'), { buildId: 'b', status: 'SUCCESS' });
    await until('the function has taken it', () => pendingOf(stateDir) === 0);
    const type = 'google.cloud.pubsub.topic.v1.messagePublished';
    const line = JSON.stringify([id, type, '{}', { buildId: 'b', status: 'SUCCESS' }]);
    await until('the function has said so', () => output.includes(line));
  });
});

describe('Cloud Build', () => {
  it('publishes every change of a build’s status', async (t) => {
    const { pubsub, oidc, stateDir, log } = open(t);
    const endpoint = await startEndpoint(t);
    pubsub.subscribe(TOPIC, endpoint.url);
    const cloudBuild = createCloudBuild({
      stateDir,
      project: { id: PROJECT, number: '123456789012' },
      emulatorId: `test-${process.pid}`,
      searchPath: process.env['PATH'] ?? '',
      engine: undefined,
      tokens: createTokens(oidc, systemClock),
      registryUrl: () => 'http://127.0.0.1:1',
      clock: systemClock,
      durations: NO_DURATIONS,
      entries: openLogEntries(stateDir, systemClock),
      pubsub,
      log: (line) => log.push(line),
    });
    const dispatch = createRouter(cloudBuild.routes, (line) => log.push(line));
    const token = createTokens(oidc, systemClock).issueAccessToken(
      { email: 'a@b', subject: '1' },
      '',
    );
    const reply = await dispatch({
      method: 'POST',
      path: `/v1/projects/${PROJECT}/builds`,
      query: new URLSearchParams(),
      headers: { authorization: `Bearer ${token}` },
      body: Buffer.from(JSON.stringify(bashBuild('exit 1', { tags: ['ours'] }))),
    });
    assert.equal(reply.status, 200);
    await until('three have come', () => endpoint.received.length === 3);
    await until('they are acknowledged', () => pendingOf(stateDir) === 0);
    const inOrder = endpoint.received.sort((one, other) =>
      one.body.message.messageId < other.body.message.messageId ? -1 : 1,
    );
    const builds = inOrder.map(({ body }) => {
      const { data, attributes } = body.message;
      const build = JSON.parse(Buffer.from(data, 'base64').toString()) as Fields;
      assert.deepEqual(attributes, { buildId: build['id'], status: build['status'] });
      assert.deepEqual(build['tags'], ['ours']);
      return build['status'];
    });
    assert.deepEqual(builds, ['QUEUED', 'WORKING', 'FAILURE']);
  });
});
