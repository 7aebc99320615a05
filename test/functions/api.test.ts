// The life of a session through the API's front door, with many callers at once and a Google that refuses.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { connectResponse, registerResponse } from '../../functions/contract.ts';
import { AppError } from '../../functions/errors.ts';
import { REPORT, serveApi } from './api-fixture.ts';

const AGENT_IMAGE = 'gcr.io/p/datalab-agent';

const api = serveApi();

describe('the api function', () => {
  it('takes a session from POST to READY and away again', async () => {
    const created = await api.create('whole-life');
    assert.equal(created.state, 'CREATING');
    assert.match(created.image ?? '', /^gcr\.io\/p\/datalab-gateway@sha256:a{64}$/);
    await api.settle(created.id, 'BOOTING');
    const resource = api.google.inserted.at(-1);
    assert.ok(resource);
    assert.equal(resource.name, `datalab-${created.id}-1`);
    const attributes = Object.fromEntries(
      resource.metadata.items.map(({ key, value }) => [key, value]),
    );
    assert.equal(attributes['datalab-session'], created.id);
    assert.match(attributes['startup-script'] ?? '', /^#!\/bin\/bash/);

    const path = `/v1/sessions/${created.id}`;
    assert.equal((await api.refused('POST', `${path}:connect`)).status, 'FAILED_PRECONDITION');
    const token = api.google.instanceToken();
    const registration = { agentVersion: '1', bootId: 'boot-1' };
    const registered = registerResponse.parse(
      await api.ok('POST', `${path}:register`, { token, body: registration }),
    );
    const waiting = api.settle(created.id, 'READY');
    await api.ok('POST', `${path}:report`, { token, body: REPORT });
    const ready = await waiting;
    assert.equal(ready.instance?.internalIp, '10.0.0.2');

    const connected = connectResponse.parse(await api.ok('POST', `${path}:connect`));
    assert.equal(connected.accessToken, registered.accessToken);
    assert.deepEqual(connected.tunnel, {
      project: 'p',
      zone: 'europe-west1-b',
      instance: `datalab-${created.id}-1`,
      networkInterface: 'nic0',
      port: 8888,
    });
    const repeated = await api.create('whole-life');
    assert.equal(repeated.id, created.id);
    await api.ok('POST', `${path}:stop`);
    await api.settle(created.id, 'STOPPED');
    await api.ok('POST', `${path}:start`, { body: {} });
    await api.settle(created.id, 'BOOTING');
    await api.remove(created.id);
    assert.equal(api.google.compute.instances.size, 0);
    assert.ok(!JSON.stringify(ready).includes(connected.accessToken));
    assert.ok(!api.output().includes(connected.accessToken));
  });

  it('makes one session and one instance of 50 requests at once', async () => {
    const made = api.google.compute.made.length;
    const views = await Promise.all(Array.from({ length: 50 }, () => api.create('many')));
    const [first] = views;
    assert.equal(new Set(views.map(({ id }) => id)).size, 1);
    await api.settle(first?.id ?? '', 'BOOTING');
    assert.equal(api.google.compute.made.length, made + 1);
    await api.remove(first?.id ?? '');
  });

  it('does not bump the revision for a report that changes nothing', async () => {
    const { id } = await api.create('quiet');
    await api.settle(id, 'BOOTING');
    const token = api.google.instanceToken();
    const path = `/v1/sessions/${id}`;
    await api.ok('POST', `${path}:register`, {
      token,
      body: { agentVersion: '1', bootId: 'boot-1' },
    });
    const idle = { id: 'k', name: 'python3', state: 'idle', connections: 1, idleSeconds: 3 };
    await api.ok('POST', `${path}:report`, { token, body: { ...REPORT, kernels: [idle] } });
    const before = await api.settle(id, 'READY');
    const later = { ...REPORT, sequence: 2, kernels: [{ ...idle, idleSeconds: 33 }] };
    await api.ok('POST', `${path}:report`, { token, body: later });
    const quiet = await api.settle(id, 'READY');
    assert.equal(quiet.revision, before.revision);
    assert.equal(quiet.kernels[0]?.idleSeconds, 33);
    const busy = { ...later, sequence: 3, kernels: [{ ...idle, state: 'busy', idleSeconds: 0 }] };
    await api.ok('POST', `${path}:report`, { token, body: busy });
    await api.ok('POST', `${path}:report`, { token, body: later });
    const after = await api.settle(id, 'READY');
    assert.equal(after.kernels[0]?.state, 'busy', 'the older report was dropped');
    assert.equal(after.revision, before.revision + 1);
    await api.remove(id);
  });

  it('maps what Google refuses, and says it in the session', async () => {
    api.google.compute.refuseNext = new AppError('RESOURCE_EXHAUSTED', 'quota');
    const failed = await api.create('refused');
    assert.equal(failed.state, 'FAILED');
    assert.equal(failed.error?.code, 'RESOURCE_EXHAUSTED');
    await api.remove(failed.id);
    const { images } = api.google.builds;
    const agent = images.get(AGENT_IMAGE) ?? '';
    images.delete(AGENT_IMAGE);
    const missing = await api.create('no-image');
    images.set(AGENT_IMAGE, agent);
    assert.equal(missing.error?.code, 'FAILED_PRECONDITION');
    assert.match(missing.error.message, /gcr\.io\/p\/datalab-agent is not in the registry/);
    await api.remove(missing.id);
  });

  it('refuses a session of the same name with another machine', async () => {
    const { id } = await api.create('same');
    const body = { name: 'same', machineType: 'n2-standard-8' };
    const error = await api.refused('POST', '/v1/sessions', { body });
    assert.equal(error.status, 'ALREADY_EXISTS');
    assert.deepEqual(error.fields, ['machineType']);
    await api.remove(id);
  });
});
