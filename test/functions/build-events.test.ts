// The onBuildFinished function in the real framework: whatever a message holds, it only makes us look; nothing that comes
// in its place brings a stack trace to light.
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { until } from '../helpers/until.ts';
import { serveApi } from './api-fixture.ts';
import type { FrameworkProcess } from './framework-process.ts';

const api = serveApi();
let events: FrameworkProcess;

before(async () => {
  events = await api.startBeside('onBuildFinished');
});

interface Message {
  body?: string | undefined;
  headers?: Record<string, string>;
}

/** As Eventarc sends what Pub/Sub has of a build. */
function messageOf(build: unknown): Message {
  const data = Buffer.from(JSON.stringify(build)).toString('base64');
  const attributes = { buildId: 'b', status: 'SUCCESS' };
  return {
    body: JSON.stringify({ message: { data, attributes, messageId: '1' }, subscription: 's' }),
    headers: {
      'content-type': 'application/json',
      'ce-id': '1',
      'ce-specversion': '1.0',
      'ce-type': 'google.cloud.pubsub.topic.v1.messagePublished',
      'ce-source': '//pubsub.googleapis.com/projects/p/topics/cloud-builds',
    },
  };
}

async function send({ body, headers = {} }: Message, method = 'POST') {
  const init = { method, headers, ...(body === undefined ? {} : { body }) };
  const reply = await fetch(events.url, init);
  return { status: reply.status, text: await reply.text() };
}

async function stateOf(id: string): Promise<string | undefined> {
  // A list looks at nothing but the store.
  const { sessions } = await api.list();
  return sessions.find((one) => one.id === id)?.state;
}

describe('the onBuildFinished function', () => {
  it('believes no message that says a build is done which is not', async () => {
    api.google.builds.removeGateway();
    api.google.builds.failNext = true;
    const { id } = await api.create('hopeful');
    await until('the build has failed', async () => {
      await send(messageOf({ id: 'build-1', status: 'SUCCESS' }));
      return (await stateOf(id)) === 'FAILED';
    });
    await api.remove(id);
  });

  it('moves on every session that waits for the image, whatever the message says', async () => {
    await api.ok('POST', '/v1/image:build');
    const views = await Promise.all(['one', 'two'].map((name) => api.create(name)));
    for (const { state } of views) assert.equal(state, 'BUILDING_IMAGE');
    const messages = [
      messageOf({ id: 'of-another-project', status: 'FAILURE', projectId: 'q' }),
      messageOf({ id: 'unknown', status: 'SUCCESS' }),
      messageOf('no build'),
    ];
    await until('both sessions have gone on', async () => {
      for (const message of messages) assert.equal((await send(message)).status, 204);
      const states = await Promise.all(views.map(({ id }) => stateOf(id)));
      return states.every((state) => state !== 'BUILDING_IMAGE');
    });
    assert.equal(api.google.builds.all.length, 2);
    for (const { id } of views) await api.remove(id);
  });

  it('takes messages that are none for a reason to look, and shows no stack trace', async () => {
    const json = { 'content-type': 'application/json' };
    const cloudEvent = { 'content-type': 'application/cloudevents+json' };
    const malformed: Message[] = [
      {},
      { body: '' },
      { body: '{"message":', headers: json },
      { body: '"text"', headers: json },
      { body: 'null', headers: json },
      { body: '[]', headers: cloudEvent },
      { body: '{"specversion":"7"}', headers: cloudEvent },
      { body: 'not gzip', headers: { ...json, 'content-encoding': 'gzip' } },
      { body: '{}', headers: { 'content-type': 'application/json; charset=nope' } },
      { body: '{}', headers: { ...json, 'ce-type': 'x' } },
    ];
    for (const message of malformed) {
      const { status, text } = await send(message);
      assert.equal(status, 204, `${JSON.stringify(message)}: ${text}`);
    }
    const { status, text } = await send({}, 'GET');
    assert.equal(status, 404);
    assert.doesNotMatch(text, / at .*\.js:\d+/);
  });

  it('fails, so that the message comes again, when Google cannot be asked', async () => {
    api.google.builds.removeGateway();
    await api.ok('POST', '/v1/image:build');
    api.google.isDown = true;
    const { status, text } = await send(messageOf({ id: 'x', status: 'SUCCESS' }));
    api.google.isDown = false;
    assert.equal(status, 500);
    assert.doesNotMatch(text, / at .*\.[jt]s:\d+/);
    assert.match(events.output(), /"severity":"WARNING".*registry/);
    assert.equal((await send(messageOf({ id: 'x', status: 'SUCCESS' }))).status, 204);
  });

  it('builds nothing because of a build of somebody else’s', async () => {
    await until('the build is over', async () => {
      await send(messageOf({ id: 'x', status: 'SUCCESS' }));
      return api.google.builds.all.every(({ status }) => status !== 'WORKING');
    });
    await send(messageOf({ id: 'x', status: 'SUCCESS' }));
    const count = api.google.builds.all.length;
    api.google.builds.removeGateway();
    assert.equal((await send(messageOf({ id: 'x', status: 'SUCCESS' }))).status, 204);
    assert.equal(api.google.builds.all.length, count);
  });
});
