// Faults on request: each kind does what it says, at the call that was meant, so often as was asked.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { WebSocket } from 'ws';
import { Faults } from '../../emulator/faults/faults.ts';
import { faultRule } from '../../emulator/faults/rule.ts';
import { serviceOf } from '../../emulator/faults/service.ts';
import { until } from '../helpers/until.ts';
import {
  addressOf,
  insert,
  instanceRequest,
  request,
  startCloud,
  ZONE,
  type Cloud,
  type Fields,
} from './cloud-fixture.ts';
import { createLeapingClock } from './leaping-clock.ts';

const INSTANCES = `/zones/${ZONE}/instances`;

function fault(cloud: Cloud, rule: Fields | Fields[]): Promise<Fields> {
  return cloud.control('POST', '/faults', rule);
}

describe('an error on request', () => {
  it('has the form of the service’s own errors', async (t) => {
    const cloud = await startCloud(t);
    const { oidc } = cloud.emulator.ready.urls;
    const error = { status: 429, reason: 'rateLimitExceeded', message: 'Slower.' };
    const services = ['compute', 'iap', 'registry', 'oidc'];
    await fault(
      cloud,
      services.map((service) => ({ service, error })),
    );
    const compute = await cloud.call('GET', INSTANCES);
    assert.equal(compute.status, 429);
    assert.deepEqual(compute.body['error'], {
      code: 429,
      message: 'Slower.',
      errors: [{ message: 'Slower.', domain: 'usageLimits', reason: 'rateLimitExceeded' }],
    });
    const iap = (await cloud.policy('one', 'getIamPolicy')).body['error'] as Fields;
    assert.equal(iap['status'], 'RESOURCE_EXHAUSTED');
    assert.match(JSON.stringify(iap['details']), /ErrorInfo","reason":"RATE_LIMIT_EXCEEDED"/);
    const registry = await request('GET', `${oidc}/v2/`, undefined, cloud.token);
    assert.deepEqual(registry.body, {
      errors: [{ code: 'RATE_LIMIT_EXCEEDED', message: 'Slower.' }],
    });
    const token = await request('POST', `${oidc}/token`);
    assert.deepEqual(token.body, { error: 'rate_limit_exceeded', error_description: 'Slower.' });
  });

  it('hits the calls that were meant, and the others pass', async (t) => {
    const cloud = await startCloud(t);
    const error = { status: 503, reason: 'backendError' };
    await fault(cloud, { method: 'get', path: '/instances$', after: 1, times: 2, error });
    const statuses = [];
    for (let round = 0; round < 5; round += 1) {
      statuses.push((await cloud.call('GET', INSTANCES)).status);
      assert.equal((await cloud.call('GET', '/zones')).status, 200);
    }
    assert.deepEqual(statuses, [200, 503, 503, 200, 200]);
    const { rules } = (await cloud.control('GET', '/faults')) as { rules: Fields[] };
    assert.deepEqual([rules[0]?.['matched'], rules[0]?.['hit']], [5, 2]);
  });

  it('is taken back, one rule or all of them', async (t) => {
    const cloud = await startCloud(t);
    const error = { status: 500, reason: 'backendError' };
    const { rules } = (await fault(cloud, [
      { path: '/zones$', error, times: 100 },
      { path: '/instances$', error, times: 100 },
    ])) as { rules: { id: string }[] };
    await cloud.control('DELETE', `/faults/${rules[0]?.id ?? ''}`);
    assert.equal((await cloud.call('GET', '/zones')).status, 200);
    assert.equal((await cloud.call('GET', INSTANCES)).status, 500);
    await cloud.control('DELETE', '/faults');
    assert.equal((await cloud.call('GET', INSTANCES)).status, 200);
    await assert.rejects(cloud.control('DELETE', '/faults/1'), /no fault rule 1/);
  });

  it('is refused when nobody could mean it', async (t) => {
    const cloud = await startCloud(t);
    const refusals: [Fields, RegExp][] = [
      [{}, /exactly one of: error, delay/],
      [{ loseReply: true, loseRequest: true }, /exactly one of/],
      [{ loseReply: true, path: '(' }, /regular expression/],
      [{ loseReply: true, service: 'storage' }, /service/],
      [{ lost: true }, /lost/],
      [{ error: { status: 200, reason: 'ok' } }, /status/],
    ];
    for (const [rule, message] of refusals) await assert.rejects(fault(cloud, rule), message);
  });
});

describe('a lost call', () => {
  it('is done when its reply is lost, and not done when it is lost itself', async (t) => {
    const cloud = await startCloud(t);
    const insertOne = (name: string) => cloud.call('POST', INSTANCES, instanceRequest(name));
    await fault(cloud, { method: 'POST', path: '/instances$', loseReply: true });
    await assert.rejects(insertOne('one'));
    assert.equal((await cloud.instance('one'))['name'], 'one');
    await fault(cloud, { method: 'POST', path: '/instances$', loseRequest: true });
    await assert.rejects(insertOne('two'));
    assert.equal((await cloud.call('GET', `${INSTANCES}/two`)).status, 404);
    assert.equal((await insertOne('two')).status, 200);
  });

  it('comes late when it is delayed, on the emulator’s clock', async (t) => {
    const clock = createLeapingClock();
    const cloud = await startCloud(t, { clock });
    await fault(cloud, { path: '/zones$', delay: { milliseconds: 600_000 } });
    let isThere = false;
    const reply = cloud.call('GET', '/zones').then((answer) => {
      isThere = true;
      return answer;
    });
    await until('the call has been seen', async () => {
      const { calls } = await cloud.control('GET', '/calls');
      return (calls as Fields[]).some((call) => String(call['path']).endsWith('/zones'));
    });
    assert.equal(isThere, false);
    clock.leap(600_000);
    assert.equal((await reply).status, 200);
  });

  it('never answers, and keeps nobody from ending the emulator', async (t) => {
    const cloud = await startCloud(t);
    await insert(cloud, 'one');
    await fault(cloud, { path: '/instances/one$', timeout: true });
    const given = new AbortController();
    const url = `${cloud.emulator.ready.urls.compute}/projects/a-project${INSTANCES}/one`;
    const headers = { authorization: `Bearer ${cloud.token}` };
    const patient = fetch(url, { headers, signal: given.signal });
    const outcome = patient.then(
      () => 'answered',
      () => 'given up',
    );
    await until('the rule has hit', async () => {
      const { rules } = (await cloud.control('GET', '/faults')) as { rules: Fields[] };
      return rules[0]?.['hit'] === 1;
    });
    given.abort();
    assert.equal(await outcome, 'given up');
    await fault(cloud, { path: '/instances/one$', timeout: true });
    const last = cloud.instance('one');
    last.catch(() => undefined);
    await cloud.emulator.end();
    await assert.rejects(last);
  });
});

describe('an operation that fails on request', () => {
  it('is taken, and ends as a stock-out ends, without an instance', async (t) => {
    const cloud = await startCloud(t);
    const code = 'ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS';
    await fault(cloud, { method: 'POST', path: '/instances$', operationError: { code } });
    const operation = await cloud.operate('POST', INSTANCES, instanceRequest('one'));
    assert.equal(operation['httpErrorStatusCode'], 503);
    const [error] = (operation['error'] as { errors: Fields[] }).errors;
    assert.equal(error?.['code'], code);
    const infos = (error['errorDetails'] as { errorInfo?: Fields }[]).map((one) => one.errorInfo);
    assert.deepEqual(infos.at(-1), {
      domain: 'compute.googleapis.com',
      reason: 'resource_availability',
      metadatas: {
        attachment: '',
        vmType: 'e2-standard-4',
        zone: ZONE,
        zonesAvailable: 'us-central1-b,us-central1-c,us-central1-f',
      },
    });
    assert.equal((await cloud.call('GET', `${INSTANCES}/one`)).status, 404);
    assert.equal((await cloud.call('GET', `/zones/${ZONE}/disks/one`)).status, 404);
    await insert(cloud, 'one');
  });

  it('leaves the instance as it was when it was another change', async (t) => {
    const cloud = await startCloud(t);
    await insert(cloud, 'one');
    await cloud.operate('POST', `${INSTANCES}/one/suspend`);
    await fault(cloud, { path: '/resume$', operationError: { code: 'QUOTA_EXCEEDED' } });
    const operation = await cloud.operate('POST', `${INSTANCES}/one/resume`);
    assert.equal(operation['httpErrorStatusCode'], 403);
    assert.match(JSON.stringify(operation['error']), /"quotaInfo":\{"metricName":"compute/);
    assert.equal((await cloud.instance('one'))['status'], 'SUSPENDED');
    await fault(cloud, { path: '/resume$', operationError: { code: 'INTERNAL_ERROR' } });
    assert.equal(
      (await cloud.operate('POST', `${INSTANCES}/one/resume`))['httpErrorStatusCode'],
      500,
    );
    const { error } = await cloud.operate('POST', `${INSTANCES}/one/resume`);
    assert.equal(error, undefined);
  });
});

describe('faults elsewhere', () => {
  it('hit an instance’s own metadata server', async (t) => {
    const cloud = await startCloud(t);
    const host = `${addressOf(await insert(cloud, 'one'))}:8880`;
    const error = { status: 503, reason: 'unavailable' };
    await fault(cloud, [
      { service: 'metadata', path: '/identity', error },
      { service: 'metadata', path: '/name$', loseReply: true },
    ]);
    const ask = (path: string) =>
      fetch(`http://${host}/computeMetadata/v1/instance/${path}`, {
        headers: { 'metadata-flavor': 'Google' },
      });
    const identity = 'service-accounts/default/identity?audience=a';
    assert.equal((await ask(identity)).status, 503);
    assert.equal((await ask(identity)).status, 200);
    await assert.rejects(ask('name'));
    assert.equal(await (await ask('name')).text(), 'one');
  });

  it('hit the opening of a tunnel', async (t) => {
    const cloud = await startCloud(t);
    const error = { status: 502, reason: 'backendError' };
    await fault(cloud, [
      { path: '^/v4/connect$', error },
      { path: '^/v4/connect$', loseRequest: true, after: 1 },
    ]);
    const open = async () => {
      const socket = new WebSocket(`${cloud.emulator.ready.urls.iap}/connect`);
      const [failure] = (await once(socket, 'error')) as [Error];
      return failure.message;
    };
    assert.match(await open(), /502/);
    assert.match(await open(), /hang up|ECONNRESET/);
    assert.match(await open(), /401/);
  });

  it('tell what becomes of messages', () => {
    const faults = new Faults();
    const topic = 'projects/a-project/topics/cloud-builds';
    faults.add([
      faultRule.parse({ path: '/cloud-builds$', after: 1, double: true }),
      faultRule.parse({ service: 'pubsub', drop: true, times: 2 }),
      faultRule.parse({ loseReply: true }),
    ]);
    const fates = Array.from({ length: 5 }, () => faults.fateOfMessage(topic));
    assert.deepEqual(fates, ['drop', 'double', 'drop', 'deliver', 'deliver']);
  });
});

describe('the list of calls', () => {
  it('has what was seen, so that a test can let each of them fail once', async (t) => {
    const cloud = await startCloud(t);
    await cloud.control('DELETE', '/calls');
    await fault(cloud, { path: '/zones$', loseReply: true });
    await cloud.call('GET', `${INSTANCES}?maxResults=1`);
    await cloud.call('GET', '/zones').catch(() => undefined);
    await cloud.policy('one', 'getIamPolicy');
    const { calls } = (await cloud.control('GET', '/calls')) as { calls: Fields[] };
    const path = '/compute/v1/projects/a-project/zones';
    assert.deepEqual(
      calls.map(({ time, fault: rule, ...call }) => {
        assert.ok(Date.parse(String(time)) > 0);
        return { ...call, isHit: rule !== undefined };
      }),
      [
        {
          method: 'GET',
          path: `${path}/${ZONE}/instances`,
          service: 'compute',
          status: 200,
          isHit: false,
        },
        { method: 'GET', path, service: 'compute', isHit: true },
        {
          method: 'POST',
          path: `/v1/projects/a-project/iap_tunnel/zones/${ZONE}/instances/one:getIamPolicy`,
          service: 'iap',
          status: 404,
          isHit: false,
        },
      ],
    );
  });

  it('is bounded', () => {
    const faults = new Faults();
    for (let index = 0; index < 6000; index += 1) faults.meet('GET', `/${index}`, '');
    assert.equal(faults.calls.length, 5000);
    assert.equal(faults.calls.at(-1)?.path, '/5999');
  });

  const services: [string, string | undefined][] = [
    ['/compute/v1/projects/p/zones/z/instances', 'compute'],
    ['/batch/compute/v1', 'compute'],
    ['/v1/projects/p/builds/b', 'cloudbuild'],
    ['/v1/projects/p/locations/global/builds', 'cloudbuild'],
    ['/v1/operations/build/p/1', 'cloudbuild'],
    ['/v1/projects/p/topics/t:publish', 'pubsub'],
    ['/v1/projects/p/subscriptions', 'pubsub'],
    ['/v2/entries:list', 'logging'],
    ['/v2/', 'registry'],
    ['/v2/p/image/manifests/latest', 'registry'],
    ['/v1/projects/1/iap_tunnel/zones/z/instances/i:getIamPolicy', 'iap'],
    ['/v4/connect', 'iap'],
    ['/v1/projects/p/locations/l/jobs/j:run', 'scheduler'],
    ['/token', 'oidc'],
    ['/oauth2/v1/certs', 'oidc'],
    ['/computeMetadata/v1/instance/name', 'metadata'],
    ['/control/faults', undefined],
  ];
  it('tells services by their paths', () => {
    for (const [path, service] of services) assert.equal(serviceOf(path), service, path);
  });
});
