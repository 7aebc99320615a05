// The emulated Compute Engine by itself: its answers, refusals, operations and lists. gcloud and Google's client
// library judge the same in test/contract.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, it } from 'node:test';
import { NO_DURATIONS } from '../../emulator/options.ts';
import { until } from '../helpers/until.ts';
import {
  insert,
  instanceRequest,
  PROJECT,
  startCloud,
  tell,
  untilStatus,
  ZONE,
  type Answer,
  type Fields,
} from './cloud-fixture.ts';

const INSTANCES = `/zones/${ZONE}/instances`;

function errorOf({ body }: Answer): { code: number; message: string; reason: string | undefined } {
  const { error } = body as {
    error: { code: number; message: string; errors: { reason: string }[] };
  };
  return { code: error.code, message: error.message, reason: error.errors[0]?.reason };
}

describe('an insert', () => {
  it('makes an instance and its disk that look like Google’s', async (t) => {
    const cloud = await startCloud(t);
    const instance = await insert(cloud, 'one');
    assert.equal(instance['kind'], 'compute#instance');
    assert.match(String(instance['id']), /^[1-9]\d{18}$/);
    assert.equal(
      instance['selfLink'],
      `https://www.googleapis.com/compute/v1/projects/${PROJECT}/zones/${ZONE}/instances/one`,
    );
    assert.match(JSON.stringify(instance['networkInterfaces']), /"networkIP":"127\.0\.\d+\.\d+"/);
    assert.ok(Date.parse(String(instance['lastStartTimestamp'])) > 0);
    const { body: disk } = await cloud.call('GET', `/zones/${ZONE}/disks/one`);
    assert.equal(disk['sizeGb'], '50');
    assert.deepEqual(disk['users'], [instance['selfLink']]);
  });

  it('passes through PROVISIONING and STAGING, its operation through PENDING and RUNNING', async (t) => {
    const durations = { ...NO_DURATIONS, pendingMilliseconds: 200, insertMilliseconds: 600 };
    const cloud = await startCloud(t, { durations });
    const { body: operation } = await cloud.call('POST', INSTANCES, instanceRequest('one'));
    assert.equal(operation['status'], 'PENDING');
    const seen = new Set<string>();
    const path = `/zones/${ZONE}/operations/${String(operation['name'])}`;
    const done = await until('the operation is done', async () => {
      const { body } = await cloud.call('GET', path);
      seen.add(`${String((await cloud.instance('one'))['status'])}/${String(body['status'])}`);
      return body['status'] === 'DONE' ? body : undefined;
    });
    assert.ok(seen.has('PROVISIONING/RUNNING') && seen.has('STAGING/RUNNING'), [...seen].join());
    assert.equal(done['progress'], 100);
    assert.equal(done['operationType'], 'insert');
    assert.ok(Date.parse(String(done['endTime'])) >= Date.parse(String(done['startTime'])));
  });

  it('is done once, however often the same requestId asks', async (t) => {
    const cloud = await startCloud(t);
    const path = `${INSTANCES}?requestId=${randomUUID()}`;
    const first = await cloud.call('POST', path, instanceRequest('one'));
    const second = await cloud.call('POST', path, instanceRequest('one'));
    assert.equal(second.status, 200);
    assert.equal(second.body['name'], first.body['name']);
    const other = await cloud.call('POST', path, instanceRequest('two'));
    assert.equal(errorOf(other).reason, 'invalid');
    const zero = `${INSTANCES}?requestId=00000000-0000-0000-0000-000000000000`;
    assert.equal(errorOf(await cloud.call('POST', zero, instanceRequest('two'))).code, 400);
  });

  it('ends with an error, and without an instance, when the machine does not boot', async (t) => {
    const cloud = await startCloud(t);
    cloud.runtime.refuse = true;
    const operation = await cloud.operate('POST', INSTANCES, instanceRequest('one'));
    assert.equal(operation['httpErrorStatusCode'], 500);
    assert.match(JSON.stringify(operation['error']), /INTERNAL_ERROR/);
    assert.equal((await cloud.call('GET', `${INSTANCES}/one`)).status, 404);
    assert.match(cloud.log.join('\n'), /lets no machine boot/);
  });

  const disk = { boot: true, autoDelete: true };
  const image = 'projects/cos-cloud/global/images/family/cos-stable';
  const refusals: [string, Fields, string, RegExp][] = [
    [
      'a name with capitals',
      { name: 'One' },
      'invalid',
      /^Invalid value for field 'resource.name': 'One'. Must be a match of regex/,
    ],
    [
      'no machine type',
      { machineType: undefined },
      'required',
      /^Required field 'resource.machineType' not specified$/,
    ],
    [
      'an unknown machine type',
      { machineType: `zones/${ZONE}/machineTypes/x9` },
      'invalid',
      /Machine type with name 'x9' does not exist in zone 'us-central1-a'\.$/,
    ],
    [
      'a machine type of another zone',
      { machineType: 'zones/us-east1-b/machineTypes/e2-small' },
      'invalid',
      /does not exist in zone/,
    ],
    ['no disks', { disks: [] }, 'invalid', /No disks are specified/],
    [
      'an unknown image',
      { disks: [{ ...disk, initializeParams: { sourceImage: 'global/images/x' } }] },
      'invalid',
      /image resource cannot be found/,
    ],
    [
      'a disk smaller than its image',
      { disks: [{ ...disk, initializeParams: { sourceImage: image, diskSizeGb: '1' } }] },
      'invalid',
      /cannot be smaller than the image size/,
    ],
    [
      'a disk that outlives its instance',
      { disks: [{ boot: true, initializeParams: { sourceImage: image } }] },
      'notImplemented',
      /does not emulate disks that outlive/,
    ],
    [
      'an unknown network',
      { networkInterfaces: [{ network: 'global/networks/x' }] },
      'invalid',
      /network resource cannot be found/,
    ],
    [
      'a label with capitals',
      { labels: { a: 'B' } },
      'invalid',
      /Label value 'B' violates format constraints/,
    ],
    [
      'metadata with a key twice',
      {
        metadata: {
          items: [
            { key: 'a', value: '1' },
            { key: 'a', value: '2' },
          ],
        },
      },
      'invalid',
      /duplicate key: a/,
    ],
    [
      'a field that Google does not know',
      { colour: 'red' },
      'badRequest',
      /^Invalid JSON payload received. Unknown name "colour": Cannot find field.$/,
    ],
    [
      'a nested field that Google does not know',
      { tags: { colours: [] } },
      'badRequest',
      /Unknown name "colours" at 'resource.tags'/,
    ],
    [
      'a field of the wrong type',
      { labels: 7 },
      'badRequest',
      /Invalid value at 'resource.labels'/,
    ],
    [
      'what is not emulated',
      { guestAccelerators: [] },
      'notImplemented',
      /does not emulate field 'resource.guestAccelerators'/,
    ],
    [
      'a provisioning model that is not emulated',
      { scheduling: { provisioningModel: 'RESERVATION_BOUND' } },
      'notImplemented',
      /does not emulate field 'resource.scheduling.provisioningModel'/,
    ],
  ];
  it('is refused as Google refuses it, and nothing is made', async (t) => {
    const cloud = await startCloud(t);
    for (const [what, overrides, reason, message] of refusals) {
      const answer = await cloud.call('POST', INSTANCES, instanceRequest('one', overrides));
      const error = errorOf(answer);
      assert.equal(error.reason, reason, what);
      assert.match(error.message, message, what);
      assert.equal(answer.status, error.code, what);
    }
    assert.equal((await cloud.call('GET', INSTANCES)).body['items'], undefined);
    assert.equal((await cloud.call('GET', `/zones/${ZONE}/disks`)).body['items'], undefined);
  });
});

describe('a call', () => {
  it('is refused without a token that the emulator issued', async (t) => {
    const cloud = await startCloud(t);
    const url = `${cloud.emulator.ready.urls.compute}/projects/${PROJECT}/zones`;
    const without = await fetch(url);
    assert.equal(without.status, 401);
    const forged = await cloud.call('GET', '/zones', undefined, `${cloud.token}x`);
    assert.deepEqual(
      { ...errorOf(forged), message: '' },
      { code: 401, message: '', reason: 'authError' },
    );
    assert.equal((forged.body as { error: { status: string } }).error.status, 'UNAUTHENTICATED');
  });

  it('is refused for another project, zone, parameter or path, and logged if it is unknown', async (t) => {
    const cloud = await startCloud(t);
    const { compute } = cloud.emulator.ready.urls;
    const reasons = async (path: string) => errorOf(await cloud.call('GET', path));
    assert.match(
      (await reasons(`${compute}/projects/other/zones`)).message,
      /Failed to find project other/,
    );
    assert.match((await reasons('/zones/mars-north1-a/instances')).message, /Unknown zone/);
    assert.match((await reasons('/zones?colour=red')).message, /Cannot bind query parameter/);
    assert.equal((await reasons('/global/firewalls')).code, 404);
    assert.match(
      cloud.log.join('\n'),
      /not emulated: GET \/compute\/v1\/projects\/a-project\/global\/firewalls/,
    );
  });
});

describe('changing an instance', () => {
  it('follows the statuses that allow it', async (t) => {
    const cloud = await startCloud(t);
    await insert(cloud, 'one');
    const power = async (verb: string) => {
      const { status, body } = await cloud.call('POST', `${INSTANCES}/one/${verb}`);
      if (status === 200) {
        await cloud.call('POST', `/zones/${ZONE}/operations/${String(body['name'])}/wait`);
      }
      return `${status} ${String((await cloud.instance('one'))['status'])}`;
    };
    const steps = [
      ['start', '200 RUNNING'],
      ['resume', '200 RUNNING'],
      ['suspend', '200 SUSPENDED'],
      ['suspend', '200 SUSPENDED'],
      ['start', '400 SUSPENDED'],
      ['reset', '400 SUSPENDED'],
      ['resume', '200 RUNNING'],
      ['reset', '200 RUNNING'],
      ['stop', '200 TERMINATED'],
      ['stop', '200 TERMINATED'],
      ['resume', '400 TERMINATED'],
      ['suspend', '400 TERMINATED'],
      ['reset', '400 TERMINATED'],
      ['start', '200 RUNNING'],
      ['suspend', '200 SUSPENDED'],
      ['stop', '200 TERMINATED'],
    ] as const;
    for (const [verb, outcome] of steps) assert.equal(await power(verb), outcome, verb);
  });

  it('is not ready while something else is under way, but a deletion waits for a stop', async (t) => {
    const cloud = await startCloud(t, { durations: { ...NO_DURATIONS, stopMilliseconds: 300 } });
    await insert(cloud, 'one');
    await cloud.call('POST', `${INSTANCES}/one/stop`);
    const blocked = await cloud.call('POST', `${INSTANCES}/one/start`);
    assert.equal(errorOf(blocked).reason, 'resourceNotReady');
    assert.match(errorOf(blocked).message, /^The resource '.*\/instances\/one' is not ready$/);
    const { error } = await cloud.operate('DELETE', `${INSTANCES}/one`);
    assert.equal(error, undefined);
    assert.equal((await cloud.call('GET', `${INSTANCES}/one`)).status, 404);
    assert.equal((await cloud.call('GET', `/zones/${ZONE}/disks/one`)).status, 404);
  });

  it('needs the current fingerprint for labels and metadata', async (t) => {
    const cloud = await startCloud(t);
    const before = await insert(cloud, 'one');
    const change = { labels: { a: 'b' }, labelFingerprint: before['labelFingerprint'] };
    await cloud.operate('POST', `${INSTANCES}/one/setLabels`, change);
    const after = await cloud.instance('one');
    assert.deepEqual(after['labels'], { a: 'b' });
    const stale = await cloud.call('POST', `${INSTANCES}/one/setLabels`, change);
    assert.deepEqual(
      { status: stale.status, reason: errorOf(stale).reason },
      { status: 412, reason: 'conditionNotMet' },
    );
    const metadata = await cloud.call('POST', `${INSTANCES}/one/setMetadata`, { fingerprint: 'x' });
    assert.equal(metadata.status, 412);
  });

  it('is a conflict for a name that is taken, and not found for one that is not', async (t) => {
    const cloud = await startCloud(t);
    await insert(cloud, 'one');
    const taken = errorOf(await cloud.call('POST', INSTANCES, instanceRequest('one')));
    assert.deepEqual(
      { code: taken.code, reason: taken.reason },
      { code: 409, reason: 'alreadyExists' },
    );
    const missing = errorOf(await cloud.call('DELETE', `${INSTANCES}/two`));
    assert.deepEqual(missing, {
      code: 404,
      reason: 'notFound',
      message: `The resource 'projects/${PROJECT}/zones/${ZONE}/instances/two' was not found`,
    });
  });
});

describe('a machine that ends by itself', () => {
  it('is TERMINATED after it switched itself off', async (t) => {
    const cloud = await startCloud(t);
    const instance = await insert(cloud, 'one');
    await tell(instance, 'shutdown');
    await untilStatus(cloud, 'one', 'TERMINATED');
    const { body } = await cloud.call('GET', `/zones/${ZONE}/operations`);
    assert.match(JSON.stringify(body), /compute\.instances\.guestTerminate/);
  });

  it('boots again after it was lost', async (t) => {
    const cloud = await startCloud(t);
    const instance = await insert(cloud, 'one');
    await tell(instance, 'crash');
    await until('it booted twice', () => cloud.runtime.boots.length === 2);
    await untilStatus(cloud, 'one', 'RUNNING');
    await until('both operations are on record, in whichever order', async () => {
      const { body } = await cloud.call('GET', `/zones/${ZONE}/operations`);
      const text = JSON.stringify(body);
      return text.includes('compute.instances.hostError') && text.includes('automaticRestart');
    });
  });
});

describe('a list', () => {
  it('is filtered, and an expression that Google would not take is refused', async (t) => {
    const cloud = await startCloud(t);
    await insert(cloud, 'one', { labels: { group: 'x', number: '1' } });
    await insert(cloud, 'two', { labels: { group: 'y', number: '2' } });
    await cloud.operate('POST', `${INSTANCES}/two/stop`);
    const names = async (filter: string) => {
      const { body } = await cloud.call('GET', `${INSTANCES}?filter=${encodeURIComponent(filter)}`);
      return ((body['items'] ?? []) as Fields[]).map(({ name }) => name).join();
    };
    const cases = [
      ['labels.group = x', 'one'],
      ['labels.group="y"', 'two'],
      ['labels.group:*', 'one,two'],
      ['labels.other:*', ''],
      ['name != one', 'two'],
      ['status = RUNNING', 'one'],
      ['(labels.group = x) AND (status = RUNNING)', 'one'],
      ['(labels.group = x) (status = TERMINATED)', ''],
      ['(name = one) OR (name = two)', 'one,two'],
      ['NOT name = one', 'two'],
      ['name eq "(^o.*$)"', 'one'],
      ["name eq 'on'", ''],
      ['name ne one', 'two'],
      ['name eq ".*\\btw.*"', 'two'],
      ['scheduling.automaticRestart = true', 'one,two'],
      ['labels.number > 1', 'two'],
    ] as const;
    for (const [filter, expected] of cases) assert.equal(await names(filter), expected, filter);
    for (const filter of [
      'name',
      'name =',
      '(name = one',
      'metadata.x = y',
      'name eq "("',
      '= x',
    ]) {
      const answer = await cloud.call('GET', `${INSTANCES}?filter=${encodeURIComponent(filter)}`);
      assert.match(errorOf(answer).message, /Invalid list filter expression/, filter);
    }
  });

  it('comes in pages, over one zone and over all', async (t) => {
    const cloud = await startCloud(t);
    for (const name of ['one', 'three', 'two']) await insert(cloud, name);
    const first = await cloud.call('GET', `${INSTANCES}?maxResults=2`);
    assert.equal((first.body['items'] as Fields[]).length, 2);
    const token = String(first.body['nextPageToken']);
    const second = await cloud.call('GET', `${INSTANCES}?maxResults=2&pageToken=${token}`);
    assert.deepEqual(
      (second.body['items'] as Fields[]).map(({ name }) => name),
      ['two'],
    );
    assert.equal(second.body['nextPageToken'], undefined);
    const all = await cloud.call('GET', '/aggregated/instances');
    const scopes = all.body['items'] as Record<string, Fields>;
    assert.equal((scopes[`zones/${ZONE}`]?.['instances'] as Fields[]).length, 3);
    assert.equal((scopes['zones/us-east1-b']?.['warning'] as Fields)['code'], 'NO_RESULTS_ON_PAGE');
    assert.equal((await cloud.call('GET', `${INSTANCES}?maxResults=501`)).status, 400);
    assert.equal((await cloud.call('GET', `${INSTANCES}?pageToken=x`)).status, 400);
  });
});
