// Logs over HTTP: who reads what, how far they have read, and what they are told when there is nothing to read.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { healthResponse, logsResponse, MAX_LOG_LINES } from '../../functions/contract.ts';
import release from '../../package.json' with { type: 'json' };
import { until } from '../helpers/until.ts';
import { serveApi } from './api-fixture.ts';

const api = serveApi({ env: { LOG_SETTLE_SECONDS: '0.05' } });

const read = async (path: string, token?: string) =>
  logsResponse.parse(await api.ok('GET', path, { token }));
const textsOf = ({ lines }: { lines: { text: string }[] }) => lines.map(({ text }) => text);

async function ready(name: string) {
  const { id } = await api.create(name);
  await api.makeReady(id);
  const all = [...api.google.compute.instances.values()];
  const instance = all.find(({ labels }) => labels['datalab-session'] === id);
  assert.ok(instance);
  return { id, instance, logs: `/v1/sessions/${id}:logs` };
}

describe('logs of a session', () => {
  it('are what its containers have sent to Cloud Logging, by instance and name', async () => {
    const { instance, logs } = await ready('containers');
    for (const source of ['gateway', 'agent']) {
      const answer = await read(`${logs}?source=${source}`);
      assert.deepEqual(answer.lines, [
        {
          time: '2026-01-01T00:00:00.123456789Z',
          text: `line of ${instance.name}-${source} on ${instance.id}`,
        },
      ]);
    }
  });

  it('are its owner’s and administrators’; for anybody else there is no such session', async () => {
    const { id, logs } = await ready('private');
    const administrator = api.google.userToken('admin@example.com');
    assert.equal((await read(`${logs}?source=gateway`, administrator)).lines.length, 1);
    const token = api.google.userToken('other@example.com');
    for (const source of ['gateway', 'agent', 'vm']) {
      const error = await api.refused('GET', `${logs}?source=${source}`, { token });
      assert.deepEqual(error, {
        status: 'NOT_FOUND',
        message: `There is no session ${id}.`,
        fields: [],
      });
    }
    const nobody = await api.refused('GET', `${logs}?source=gateway`, { token: 'x' });
    assert.equal(nobody.status, 'UNAUTHENTICATED');
  });

  it('stay readable when the instance is gone, as long as the session knows it', async () => {
    const { id, instance, logs } = await ready('gone');
    api.google.compute.instances.delete(instance.name);
    await api.settle(id, 'FAILED');
    assert.match(textsOf(await read(`${logs}?source=gateway`))[0] ?? '', / on \d+$/);
    const error = await api.refused('GET', `${logs}?source=vm`);
    assert.equal(error.status, 'FAILED_PRECONDITION');
  });

  it('are empty before there is an instance, and go on once there is one', async () => {
    api.google.builds.removeGateway();
    const { id } = await api.create('early');
    const logs = `/v1/sessions/${id}:logs?source=gateway`;
    const first = await read(logs);
    assert.deepEqual(first.lines, []);
    assert.deepEqual(await read(`${logs}&after=${first.next}`), first);
    await api.settle(id, 'BOOTING');
    const later = await read(`${logs}&after=${first.next}`);
    assert.equal(later.lines.length, 1);
  });

  it('of the machine are its serial port while it runs, line by line', async () => {
    const { id, logs } = await ready('machine');
    const vm = `${logs}?source=vm`;
    api.google.compute.serialOutput = 'one\r\ntwo\n\u001b[31mthree\u001b[0m\nfo';
    const first = await read(`${vm}&limit=2`);
    assert.deepEqual(first.lines, [{ text: 'two' }, { text: 'three' }]);
    api.google.compute.serialOutput += 'ur\n';
    const next = await read(`${vm}&after=${first.next}`);
    assert.deepEqual(textsOf(next), ['four']);
    await api.ok('POST', `/v1/sessions/${id}:stop`);
    await api.settle(id, 'STOPPED');
    const error = await api.refused('GET', `${vm}&after=${next.next}`);
    assert.equal(error.status, 'FAILED_PRECONDITION');
    assert.match(error.message, /^Session machine is STOPPED: .*Start the session/);
    await api.ok('POST', `/v1/sessions/${id}:start`);
    await api.settle(id, 'BOOTING');
    api.google.compute.serialOutput = 'booted again\n';
    assert.deepEqual(textsOf(await read(`${vm}&after=${next.next}`)), ['booted again']);
  });

  it('refuse what they do not take, and name the field', async () => {
    const { logs } = await ready('fields');
    const { next } = await read(`${logs}?source=gateway`);
    const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const refusals: [string, string][] = [
      ['', 'source'],
      ['?source=kernel', 'source'],
      ['?source=vm&limit=0', 'limit'],
      [`?source=vm&limit=${MAX_LOG_LINES + 1}`, 'limit'],
      ['?source=vm&lines=3', 'lines'],
      ['?source=gateway&after=', 'after'],
      ['?source=gateway&after=%22', 'after'],
      [`?source=gateway&after=${'a'.repeat(600)}`, 'after'],
      [`?source=agent&after=${next}`, 'after'],
      [`?source=vm&after=${next}`, 'after'],
      [`?source=gateway&after=${encoded({ log: 'gateway/1', received: -1 })}`, 'after'],
      [`?source=gateway&after=${encoded({ log: 'gateway/1', received: 1, more: 1 })}`, 'after'],
      [
        `?source=gateway&after=${encoded({
          log: 'gateway/1',
          received: 1,
          scan: { until: 2, timestamp: '2026-01-01T00:00:00Z" OR true="', count: 1 },
        })}`,
        'after',
      ],
    ];
    for (const [query, field] of refusals) {
      const error = await api.refused('GET', logs + query);
      assert.deepEqual([error.status, error.fields], ['INVALID_ARGUMENT', [field]], query);
    }
  });

  it('say that Google does not answer', async (t) => {
    const { logs } = await ready('down');
    t.after(() => (api.google.isDown = false));
    api.google.isDown = true;
    for (const source of ['gateway', 'vm']) {
      const error = await api.refused('GET', `${logs}?source=${source}`);
      assert.equal(error.status, 'UNAVAILABLE');
    }
  });
});

describe('the log of the gateway image’s last build', () => {
  it('is empty without a build, and has what a build has printed, for everybody', async () => {
    await until('no build is under way', async () => {
      const { state } = (await api.ok('GET', '/v1/image')) as { state: string };
      return state !== 'BUILDING';
    });
    api.google.builds.removeGateway();
    await api.ok('POST', '/v1/image:build', { body: {} });
    const token = api.google.userToken('other@example.com');
    const lines = textsOf(await read('/v1/image:logs', token));
    const { id } = api.google.builds.all.at(-1) ?? assert.fail();
    assert.deepEqual(lines, [`log of ${id}`, 'ERROR: it did not work']);
    const error = await api.refused('GET', '/v1/image:logs?source=build');
    assert.deepEqual(error.fields, ['source']);
  });
});

describe('/health', () => {
  it('says which version answers', async () => {
    const answer = healthResponse.parse(await api.ok('GET', '/health'));
    assert.deepEqual(answer, { status: 'ok', version: release.version });
  });
});
