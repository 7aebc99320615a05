// The calls to Compute Engine as they go over the wire, through Google's client, to a server that notes them.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, it, type TestContext } from 'node:test';
import { GoogleAuth, PassThroughClient } from 'google-auth-library';
import { createCompute } from '../../../functions/google/compute.ts';
import { instanceResource } from '../../../functions/google/compute-resources.ts';
import {
  backendId,
  instanceLabels,
  instanceName,
  instanceSpec,
} from '../../../functions/instance.ts';
import { aRecord } from '../store/store-contract.ts';
import { IMAGES, testConfig } from '../world.ts';

const RECORD = aRecord('abc', { images: IMAGES, generation: 7 });
const TARGET = { zone: 'europe-west1-b', name: instanceName(RECORD) };
const REQUEST_ID = '12345678-1234-5234-9234-123456789012';
const DAY_SECONDS = 86_400;

interface Call {
  method: string | undefined;
  url: URL;
  body: unknown;
}

type Answer = (response: ServerResponse, call: Call) => void;

const json: (body: object) => Answer = (body) => (response) => {
  response.setHeader('content-type', 'application/json').end(JSON.stringify(body));
};

async function start(t: TestContext, answer: Answer, env: Record<string, string> = {}) {
  const calls: Call[] = [];
  const server = createServer((request, response) => {
    void text(request).then((sent) => {
      const url = new URL(request.url ?? '', 'http://x');
      const call = {
        method: request.method,
        url,
        body: sent === '' ? {} : (JSON.parse(sent) as unknown),
      };
      calls.push(call);
      answer(response, call);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  const config = testConfig({ COMPUTE_API_URL: `http://127.0.0.1:${port}`, ...env });
  const auth = new GoogleAuth({ authClient: new PassThroughClient() });
  return { calls, config, compute: createCompute(config, () => Promise.resolve(auth)) };
}

function specOf(overrides: Partial<typeof RECORD.spec> = {}) {
  const record = { ...RECORD, spec: { ...RECORD.spec, ...overrides } };
  return instanceSpec(record, IMAGES, '#!/bin/bash', testConfig());
}

describe('every mutation', () => {
  it('carries the id of its claim', async (t) => {
    const operation = json({ name: 'operation-1', status: 'RUNNING' });
    const { compute, calls } = await start(t, operation);
    await compute.insertInstance(specOf(), REQUEST_ID);
    await compute.startInstance(TARGET, REQUEST_ID);
    await compute.resumeInstance(TARGET, REQUEST_ID);
    await compute.suspendInstance(TARGET, REQUEST_ID);
    await compute.stopInstance(TARGET, REQUEST_ID);
    await compute.deleteInstance(TARGET, REQUEST_ID);
    const instances = '/compute/v1/projects/p/zones/europe-west1-b/instances';
    const one = `${instances}/${TARGET.name}`;
    const shown = calls.map(({ method, url }) => `${method ?? ''} ${url.pathname}`);
    assert.deepEqual(shown, [
      `POST ${instances}`,
      `POST ${one}/start`,
      `POST ${one}/resume`,
      `POST ${one}/suspend`,
      `POST ${one}/stop`,
      `DELETE ${one}`,
    ]);
    for (const { url } of calls) assert.equal(url.searchParams.get('requestId'), REQUEST_ID);
  });

  it('is bounded, and made once: reconciling again is the retry', async (t) => {
    const { compute, calls } = await start(t, () => undefined, { CLAIM_SECONDS: '3' });
    const call = compute.stopInstance(TARGET, REQUEST_ID);
    await assert.rejects(call, { code: 'UNAVAILABLE', isRetryable: true });
    assert.equal(calls.length, 1);
  });
});

describe('an instance', () => {
  it('is named by uid and generation, and says both in labels, on its disk too', async (t) => {
    const { compute, calls } = await start(t, json({ name: 'operation-1' }));
    await compute.insertInstance(specOf({ labels: { team: 'a' } }), REQUEST_ID);
    const labels = {
      team: 'a',
      'datalab-session': 'abc',
      'datalab-generation': '7',
      'datalab-backend': backendId(testConfig()),
    };
    assert.deepEqual(instanceLabels(RECORD), {
      'datalab-session': 'abc',
      'datalab-generation': '7',
    });
    const {
      name,
      labels: onInstance,
      disks,
    } = calls[0]?.body as ReturnType<typeof instanceResource>;
    assert.equal(name, 'datalab-abc-7');
    assert.deepEqual(onInstance, labels);
    assert.deepEqual(disks[0]?.initializeParams.labels, labels);
  });

  it('keeps our labels whatever the caller’s are', () => {
    const { labels } = specOf({ labels: { 'datalab-session': 'of another' } });
    assert.equal(labels['datalab-session'], 'abc');
  });

  it('is only ever stopped by Google’s limit, far above the session’s own', () => {
    for (const spot of [false, true]) {
      const spec = specOf({ maxLifetimeSeconds: 3600, spot });
      const { scheduling } = instanceResource(spec);
      assert.equal(scheduling.instanceTerminationAction, 'STOP');
      const seconds = Number(scheduling.maxRunDuration?.seconds);
      assert.ok(seconds >= 2 * 3600 + 7 * DAY_SECONDS, `${seconds} s`);
    }
    const { scheduling } = instanceResource(specOf({ maxLifetimeSeconds: 60 * DAY_SECONDS }));
    assert.equal(scheduling.maxRunDuration?.seconds, String(120 * DAY_SECONDS), 'Google’s bound');
    assert.equal(instanceResource(specOf()).scheduling.maxRunDuration, undefined);
  });
});

describe('the instances of a session', () => {
  const instance = {
    id: '1',
    name: 'n',
    zone: 'https://x/zones/europe-west1-c',
    status: 'RUNNING',
  };

  it('are found by label, in all zones', async (t) => {
    const items = { 'zones/a': {}, 'zones/europe-west1-c': { instances: [instance] } };
    const { compute, calls } = await start(t, json({ items }));
    const found = await compute.findInstances('abc');
    assert.deepEqual(
      found.map(({ id, zone }) => [id, zone]),
      [['1', 'europe-west1-c']],
    );
    const [{ url } = { url: new URL('http://x') }] = calls;
    assert.equal(url.pathname, '/compute/v1/projects/p/aggregated/instances');
    assert.equal(url.searchParams.get('filter'), 'labels.datalab-session = "abc"');
  });

  it('are not known when a zone did not answer: it may have them', async (t) => {
    const warning = { code: 'UNREACHABLE', message: 'z' };
    const items = { 'zones/a': { instances: [instance] }, 'zones/b': { warning } };
    const { compute } = await start(t, json({ items }));
    await assert.rejects(compute.findInstances('abc'), { code: 'UNAVAILABLE', isRetryable: true });
  });
});
