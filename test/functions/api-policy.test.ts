// What the administrator's policy forbids and what Google does not have, over HTTP: refused with the field at fault,
// before anything is stored or made.
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { serveApi } from './api-fixture.ts';

const api = serveApi({
  policy: {
    zones: ['europe-west1-b', 'europe-west1-c', 'mars-north1-a'],
    machineTypes: ['e2-standard-4', 'e9-huge'],
    maxDiskSizeGb: 100,
    maxIdleTimeoutSeconds: 900,
    maxLifetimeSeconds: 86_400,
  },
});

async function fieldsOf(body: object): Promise<string[]> {
  const { status, message, fields } = await api.refused('POST', '/v1/sessions', { body });
  assert.equal(status, 'INVALID_ARGUMENT', message);
  return fields;
}

describe('what Google does not have', () => {
  afterEach(async () => {
    assert.deepEqual((await api.list()).sessions, []);
    assert.equal(api.google.compute.calls.length, 0);
  });

  it('is refused by name: a zone', async () => {
    assert.deepEqual(await fieldsOf({ zone: 'mars-north1-a' }), ['zone']);
  });

  it('is refused by name: a machine type', async () => {
    assert.deepEqual(await fieldsOf({ machineType: 'e9-huge' }), ['machineType']);
  });

  it('is refused by name: a fallback zone', async () => {
    const fallbackZones = ['europe-west1-c', 'mars-north1-a'];
    assert.deepEqual(await fieldsOf({ fallbackZones }), ['fallbackZones[1]']);
  });
});

describe('what the policy forbids', () => {
  const forbidden: readonly [string, unknown, string][] = [
    ['zone', 'us-east1-b', 'zone'],
    ['fallbackZones', ['europe-west1-c', 'us-east1-b'], 'fallbackZones[1]'],
    ['machineType', 'n2-standard-8', 'machineType'],
    ['image', 'docker.io/somebody/else', 'image'],
    ['serviceAccount', 'x@p.iam.gserviceaccount.com', 'serviceAccount'],
    ['diskSizeGb', 101, 'diskSizeGb'],
    ['idleTimeoutSeconds', 901, 'idleTimeoutSeconds'],
    ['maxLifetimeSeconds', 86_401, 'maxLifetimeSeconds'],
  ];

  it('is refused with each field at fault, and Google is not even asked', async () => {
    const before = api.google.calls.length;
    for (const [field, value, at] of forbidden) {
      assert.deepEqual(await fieldsOf({ [field]: value }), [at]);
    }
    const all = Object.fromEntries(forbidden.map(([field, value]) => [field, value]));
    assert.deepEqual((await fieldsOf(all)).sort(), forbidden.map(([, , at]) => at).sort());
    assert.deepEqual((await api.list()).sessions, []);
    assert.equal(api.google.calls.length, before);
  });

  it('bounds :extend', async () => {
    const { id } = await api.create('bounded');
    await api.makeReady(id);
    const path = `/v1/sessions/${id}:extend`;
    const error = await api.refused('POST', path, { body: { seconds: 86_401 } });
    assert.deepEqual(error.fields, ['seconds']);
    assert.match(error.message, /at most 86400: the administrator's policy says so/);
    await api.ok('POST', path, { body: { seconds: 86_400 } });
    await api.remove(id);
  });
});
