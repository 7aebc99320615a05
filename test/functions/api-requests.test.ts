// Requests that are wrong: refused with the field at fault, as AIP-193 writes it, and nothing of them is stored.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createSessionRequest } from '../../functions/contract.ts';
import { serveApi } from './api-fixture.ts';

const api = serveApi();

const MONTHS = 5_184_001;
const LONG = 'a'.repeat(64);

/** By field of POST /v1/sessions: what may not be. */
const WRONG: Readonly<Record<string, readonly unknown[]>> = {
  name: ['Not_a_name', '', '1st', 'ends-', 'a'.repeat(41), 5, null],
  zone: ['europe', 'europe-west1', '', 'europe-west1-b; rm', 7],
  machineType: ['E2', '', LONG, 'e2/standard', 4],
  spot: ['yes', 1, null],
  diskSizeGb: [9, 65_537, -1, 10.5, '50', null],
  image: ['gateway', 'https://gcr.io/p/x', 'gcr.io/p/x@sha256:abc', `gcr.io/${'p'.repeat(300)}`],
  serviceAccount: ['me', 'a@b', `${'a'.repeat(250)}@b.com`],
  idleTimeoutSeconds: [59, MONTHS, 60.5, '60'],
  idleAction: ['sleep', 'SUSPEND', ''],
  maxLifetimeSeconds: [299, MONTHS, 300.5],
  validateOnly: ['true', 1],
  labels: [['a'], 'a=b'],
};

/** Those where a part of the field is at fault. */
const WITHIN: readonly [string, object, string][] = [
  ['a fallback zone', { fallbackZones: ['europe-west1-b', 'nowhere'] }, 'fallbackZones[1]'],
  ['nine fallback zones', { fallbackZones: Array(9).fill('europe-west1-b') }, 'fallbackZones'],
  ['a label of ours', { labels: { 'datalab-session': 'x' } }, 'labels.datalab-session'],
  ['a label in capitals', { labels: { Team: 'x' } }, 'labels.Team'],
  ['a label that begins with a digit', { labels: { '1st': 'x' } }, 'labels.1st'],
  ['a label of 64 letters', { labels: { [LONG]: 'x' } }, `labels.${LONG}`],
  ['a value with a blank', { labels: { team: 'a b' } }, 'labels.team'],
  ['a value of 64 letters', { labels: { team: LONG } }, 'labels.team'],
  ['a value that is no text', { labels: { team: 1 } }, 'labels.team'],
  ['33 labels', { labels: numbered(33) }, 'labels'],
];

function numbered(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 'v']));
}

async function refusedFields(body: unknown): Promise<string[]> {
  const { status, message, fields } = await api.refused('POST', '/v1/sessions', { body });
  assert.equal(status, 'INVALID_ARGUMENT', message);
  for (const field of fields) assert.ok(message.includes(field), message);
  return fields;
}

describe('POST /v1/sessions', () => {
  for (const [field, values] of Object.entries(WRONG)) {
    it(`names ${field} when it is out of range or of another type`, async () => {
      for (const value of values) {
        assert.deepEqual(await refusedFields({ [field]: value }), [field], JSON.stringify(value));
      }
    });
  }

  for (const [what, body, field] of WITHIN) {
    it(`names the part of a field that is at fault: ${what}`, async () => {
      assert.deepEqual(await refusedFields(body), [field]);
    });
  }

  it('has no field that nothing wrong is known of', () => {
    const tried = [...Object.keys(WRONG), 'fallbackZones'].sort();
    assert.deepEqual(tried, Object.keys(createSessionRequest.shape).sort());
  });

  it('names every field at fault at once, those that are none too', async () => {
    const body = { name: '', diskSizeGb: 1, nme: 'x', toString: 'x' };
    assert.deepEqual((await refusedFields(body)).sort(), ['diskSizeGb', 'name', 'nme', 'toString']);
  });

  it('refuses what is no object', async () => {
    for (const body of [[1], 'text', 5, null, true])
      assert.deepEqual(await refusedFields(body), ['']);
  });
});

describe('any call', () => {
  it('names the parameter at fault', async () => {
    const wrong = [
      ['/v1/sessions/abc?waitSeconds=46&nope=1', ['nope', 'waitSeconds']],
      ['/v1/sessions/abc?waitSeconds=-1', ['waitSeconds']],
      ['/v1/sessions/abc?waitSeconds=&afterRevision=', ['afterRevision', 'waitSeconds']],
      ['/v1/sessions/abc?afterRevision=1e3', ['afterRevision']],
      ['/v1/sessions/abc?afterRevision=1&afterRevision=2', ['afterRevision']],
      ['/v1/sessions?pageSize=-1', ['pageSize']],
      ['/v1/sessions?pageSize=ten', ['pageSize']],
      ['/v1/sessions?pageToken=%00', ['pageToken']],
      ['/v1/sessions?pagesize=5', ['pagesize']],
      ['/v1/sessions?filter=state%20%3D%20AWAKE', ['filter']],
    ] as const;
    for (const [path, fields] of wrong) {
      const error = await api.refused('GET', path);
      assert.equal(error.status, 'INVALID_ARGUMENT');
      assert.deepEqual(error.fields.sort(), fields, path);
    }
  });

  it('refuses fields that its method does not take', async () => {
    for (const verb of [':start', ':stop', ':suspend', ':connect', ':extend']) {
      const path = `/v1/sessions/abc${verb}`;
      const body = { seconds: 60, force: true };
      const { fields } = await api.refused('POST', path, { body });
      assert.ok(fields.includes('force'), verb);
    }
    const build = await api.refused('POST', '/v1/image:build', { body: { force: 1, tag: 'x' } });
    assert.deepEqual(build.fields.sort(), ['force', 'tag']);
    const remove = await api.refused('DELETE', '/v1/sessions/abc', { body: { force: true } });
    assert.deepEqual(remove.fields, ['force']);
  });

  it('answers malformed JSON, and bytes that are no text, as an error of the API', async () => {
    for (const rawBody of ['{"name":', Buffer.from([0xff, 0xfe]), '{} {}']) {
      const error = await api.refused('POST', '/v1/sessions', { rawBody });
      assert.equal(error.status, 'INVALID_ARGUMENT');
    }
    const headers = {
      'content-encoding': 'gzip',
      'content-type': 'application/json; charset=nope',
    };
    const error = await api.refused('POST', '/v1/sessions', { rawBody: 'not gzip', headers });
    assert.equal(error.status, 'INVALID_ARGUMENT');
  });

  it('answers a body of more than a megabyte as an error of the API', async () => {
    const body = { name: 'a'.repeat(1_048_577) };
    const error = await api.refused('POST', '/v1/sessions', { body });
    assert.equal(error.status, 'INVALID_ARGUMENT');
    assert.match(error.message, /larger than 1048576 bytes/);
  });

  it('answers unknown paths and methods, and paths that are none, as errors of the API', async () => {
    for (const path of ['/', '/v1/nothing', '/v1/sessions/abc:explode', '/%zz', '/%ff']) {
      assert.equal((await api.refused('GET', path)).status, 'NOT_FOUND');
    }
    const wrong = await api.refused('DELETE', '/v1/sessions');
    assert.equal(wrong.status, 'NOT_FOUND');
    assert.match(wrong.message, /it has POST, GET/);
  });

  it('stores nothing of what was wrong', async () => {
    assert.deepEqual((await api.list()).sessions, []);
    assert.deepEqual(api.google.calls, []);
  });
});
