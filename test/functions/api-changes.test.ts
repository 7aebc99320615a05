// Changes on conditions, over HTTP: If-Match (AIP-154), validateOnly (AIP-163), :suspend, :extend, and a DELETE that
// comes again.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { session } from '../../functions/contract.ts';
import { serveApi } from './api-fixture.ts';

const api = serveApi();

const other = () => api.google.userToken('other@example.com');
const administrator = () => api.google.userToken('admin@example.com');

describe('If-Match', () => {
  it('keeps a change from a session that has changed since, whichever the change', async () => {
    const created = await api.create('guarded');
    const ready = await api.makeReady(created.id);
    const headers = { 'if-match': created.etag };
    const path = `/v1/sessions/${created.id}`;
    const { calls } = api.google.compute;
    const before = calls.length;
    const changes = [
      ['POST', `${path}:stop`, {}],
      ['POST', `${path}:suspend`, {}],
      ['POST', `${path}:start`, {}],
      ['POST', `${path}:extend`, { seconds: 3600 }],
      ['DELETE', path, {}],
    ] as const;
    for (const [method, at, body] of changes) {
      const error = await api.refused(method, at, { headers, body });
      assert.equal(error.status, 'ABORTED', at);
      assert.ok(error.message.includes(ready.etag), error.message);
    }
    const { etag, want, awake } = await api.get(created.id);
    assert.deepEqual(
      { etag, want, awake },
      { etag: ready.etag, want: 'running', awake: ready.awake },
    );
    assert.equal(calls.length, before);
    await api.remove(created.id);
  });

  it('takes the present etag, quoted or not, one of several, or *', async () => {
    const { id } = await api.create('matched');
    await api.makeReady(id);
    const extend = async (ifMatch: (etag: string) => string, seconds: number) => {
      const { etag } = await api.get(id);
      const headers = { 'if-match': ifMatch(etag) };
      await api.ok('POST', `/v1/sessions/${id}:extend`, { headers, body: { seconds } });
    };
    await extend((etag) => etag, 3600);
    await extend((etag) => etag.replaceAll('"', ''), 3700);
    await extend((etag) => `"older", ${etag}`, 3800);
    await extend(() => '*', 3900);
    await api.remove(id);
  });

  it('does not match a weak etag, nor an empty one', async () => {
    const { id } = await api.create('weak');
    const { etag } = await api.makeReady(id);
    for (const ifMatch of [`W/${etag}`, '""', ',']) {
      const headers = { 'if-match': ifMatch };
      const error = await api.refused('POST', `/v1/sessions/${id}:stop`, { headers });
      assert.equal(error.status, 'ABORTED', ifMatch);
    }
    await api.remove(id);
  });
});

describe('validateOnly', () => {
  it('answers what a session would be, and neither stores nor makes it', async () => {
    const wanted = { zone: 'europe-west1-c', machineType: 'e2-standard-8', labels: { team: 'a' } };
    const before = api.google.calls.length;
    const view = await api.create('dry', undefined, { ...wanted, validateOnly: true });
    assert.equal(view.state, 'PENDING');
    const { zone, machineType, labels } = view;
    assert.deepEqual({ zone, machineType, labels }, wanted);
    const asked = api.google.calls.slice(before);
    assert.deepEqual(asked, [
      'GET /compute/v1/projects/p/zones/europe-west1-c/machineTypes/e2-standard-8',
    ]);
    assert.deepEqual((await api.list()).sessions, []);
    assert.equal((await api.refused('GET', `/v1/sessions/${view.id}`)).status, 'NOT_FOUND');
  });

  it('answers the session of that name as it is, and leaves it alone', async () => {
    const { id } = await api.create('there');
    await api.makeReady(id);
    await api.ok('POST', `/v1/sessions/${id}:stop`);
    const stopped = await api.settle(id, 'STOPPED');
    const view = await api.create('there', undefined, { validateOnly: true });
    assert.equal(view.id, id);
    assert.equal(view.etag, stopped.etag);
    assert.equal((await api.settle(id, 'STOPPED')).etag, stopped.etag);
    await api.remove(id);
  });

  it('refuses what the call itself would refuse, in the same words', async () => {
    const { id } = await api.create('same');
    const wrong = [
      { name: 'Not_a_name' },
      { name: 'new', zone: 'mars-north1-a' },
      { name: 'new', machineType: 'e9-huge' },
      { name: 'new', fallbackZones: ['europe-west1-c', 'mars-north1-a'] },
      { name: 'new', image: 'docker.io/somebody/else' },
      { name: 'same', machineType: 'n2-standard-8' },
    ];
    for (const body of wrong) {
      const real = await api.refused('POST', '/v1/sessions', { body });
      const dry = { ...body, validateOnly: true };
      assert.deepEqual(await api.refused('POST', '/v1/sessions', { body: dry }), real);
    }
    await api.remove(id);
  });
});

describe(':suspend', () => {
  it('keeps the memory of a session that is up, and nothing of one that is off', async () => {
    const { id } = await api.create('sleeper');
    await api.makeReady(id);
    const path = `/v1/sessions/${id}`;
    assert.equal(session.parse(await api.ok('POST', `${path}:suspend`)).state, 'SUSPENDING');
    const suspended = await api.settle(id, 'SUSPENDED');
    assert.equal(suspended.want, 'suspended');
    assert.equal(suspended.instance?.status, 'SUSPENDED');
    assert.equal(suspended.awake, undefined);
    await api.ok('POST', `${path}:suspend`);
    const connect = await api.refused('POST', `${path}:connect`);
    assert.equal(connect.status, 'FAILED_PRECONDITION');
    await api.ok('POST', `${path}:start`);
    await api.settle(id, 'READY');
    await api.ok('POST', `${path}:stop`);
    await api.settle(id, 'STOPPED');
    const off = await api.refused('POST', `${path}:suspend`);
    assert.equal(off.status, 'FAILED_PRECONDITION');
    assert.match(off.message, /is STOPPED: only a session that is up can be suspended/);
    await api.remove(id);
  });
});

describe(':extend', () => {
  it('moves sleepTime and lifetimeEndTime, and says why it is awake', async () => {
    const { id } = await api.create('long', undefined, { maxLifetimeSeconds: 300 });
    const ready = await api.makeReady(id);
    const asked = Date.now();
    const body = { seconds: 7200 };
    const view = session.parse(await api.ok('POST', `/v1/sessions/${id}:extend`, { body }));
    assert.match(view.awake?.reason ?? '', /asked to stay awake/);
    for (const time of [view.awake?.sleepTime, view.lifetimeEndTime]) {
      const inSeconds = (Date.parse(time ?? '') - asked) / 1000;
      assert.ok(inSeconds >= 7199 && inSeconds < 7260, time);
    }
    assert.ok(view.revision > ready.revision);
    await api.ok('POST', `/v1/sessions/${id}:stop`);
    await api.settle(id, 'STOPPED');
    const asleep = await api.refused('POST', `/v1/sessions/${id}:extend`, { body });
    assert.equal(asleep.status, 'FAILED_PRECONDITION');
    await api.remove(id);
  });

  it('takes a minute to 60 days', async () => {
    for (const body of [{}, { seconds: 59 }, { seconds: 5_184_001 }, { seconds: '60' }]) {
      const error = await api.refused('POST', '/v1/sessions/abc:extend', { body });
      assert.deepEqual(error.fields, ['seconds']);
    }
  });
});

describe('a DELETE that comes again', () => {
  it('answers its owner and administrators as before, and nobody else', async () => {
    const { id } = await api.create('gone');
    await api.remove(id);
    const path = `/v1/sessions/${id}`;
    for (const token of [undefined, administrator()]) {
      const view = session.parse(await api.ok('DELETE', path, { token }));
      assert.equal(view.id, id);
      assert.equal(view.state, 'DELETING');
    }
    assert.equal((await api.refused('DELETE', path, { token: other() })).status, 'NOT_FOUND');
    assert.equal((await api.refused('DELETE', '/v1/sessions/nosuch')).status, 'NOT_FOUND');
    assert.equal((await api.refused('POST', `${path}:start`)).status, 'NOT_FOUND');
  });

  it('leaves the next session of that name alone', async () => {
    const first = await api.create('again');
    await api.remove(first.id);
    const second = await api.create('again');
    assert.notEqual(second.id, first.id);
    await api.ok('DELETE', `/v1/sessions/${first.id}`);
    await api.settle(second.id, 'BOOTING');
    await api.remove(second.id);
  });
});
