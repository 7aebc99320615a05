// Spot instances and instances that may run for so long only: what may be asked for, and what becomes of them.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NO_DURATIONS } from '../../emulator/options.ts';
import { until } from '../helpers/until.ts';
import {
  addressOf,
  insert,
  instanceRequest,
  startCloud,
  untilStatus,
  ZONE,
  type Cloud,
  type Fields,
} from './cloud-fixture.ts';
import { createLeapingClock } from './leaping-clock.ts';

const INSTANCES = `/zones/${ZONE}/instances`;
const SPOT = { provisioningModel: 'SPOT' };

async function operationsOf(cloud: Cloud): Promise<Fields[]> {
  const { body } = await cloud.call('GET', `/zones/${ZONE}/operations`);
  return body['items'] as Fields[];
}

describe('scheduling', () => {
  const forms: [string, Fields | undefined, Fields][] = [
    [
      'of a standard instance',
      undefined,
      {
        onHostMaintenance: 'MIGRATE',
        automaticRestart: true,
        preemptible: false,
        provisioningModel: 'STANDARD',
      },
    ],
    [
      'of a Spot instance',
      SPOT,
      {
        onHostMaintenance: 'TERMINATE',
        automaticRestart: false,
        preemptible: true,
        provisioningModel: 'SPOT',
        instanceTerminationAction: 'STOP',
      },
    ],
    [
      'of one that may run for an hour',
      { maxRunDuration: { seconds: '3600' }, instanceTerminationAction: 'STOP' },
      {
        onHostMaintenance: 'MIGRATE',
        automaticRestart: true,
        preemptible: false,
        provisioningModel: 'STANDARD',
        instanceTerminationAction: 'STOP',
        maxRunDuration: { seconds: '3600' },
      },
    ],
  ];
  it('is shown with Google’s defaults', async (t) => {
    const cloud = await startCloud(t);
    for (const [index, [what, scheduling, expected]] of forms.entries()) {
      const instance = await insert(cloud, `one-${index}`, { scheduling });
      assert.deepEqual(instance['scheduling'], expected, what);
    }
  });

  const limit = { maxRunDuration: { seconds: 60 } };
  const refusals: [string, Fields, RegExp][] = [
    [
      'a Spot instance that restarts',
      { ...SPOT, automaticRestart: true },
      /preemptible be false when AutomaticRestart is true/,
    ],
    [
      'a Spot instance that migrates',
      { ...SPOT, onHostMaintenance: 'MIGRATE' },
      /preemptible be false when OnHostMaintenance isn't TERMINATE/,
    ],
    ['a Spot instance that is not preemptible', { ...SPOT, preemptible: false }, /preemptible/],
    ['a limit without an action', limit, /instanceTerminationAction' not specified/],
    [
      'a limit of 29 seconds',
      { maxRunDuration: { seconds: 29 }, instanceTerminationAction: 'STOP' },
      /between 30 seconds and 120 days/,
    ],
    [
      'a limit of 121 days',
      { maxRunDuration: { seconds: 121 * 86_400 }, instanceTerminationAction: 'STOP' },
      /between 30 seconds and 120 days/,
    ],
    [
      'an action of a standard instance without a limit',
      { instanceTerminationAction: 'STOP' },
      /cannot specify a termination action/,
    ],
    [
      'a limit of a legacy preemptible instance',
      { preemptible: true, ...limit, instanceTerminationAction: 'STOP' },
      /use SPOT/,
    ],
  ];
  it('is refused where Google refuses it', async (t) => {
    const cloud = await startCloud(t);
    for (const [what, scheduling, message] of refusals) {
      const request = instanceRequest('one', { scheduling });
      const { status, body } = await cloud.call('POST', INSTANCES, request);
      assert.equal(status, 400, what);
      assert.match(JSON.stringify(body), message, what);
    }
  });

  it('is what the metadata server says', async (t) => {
    const cloud = await startCloud(t);
    const instance = await insert(cloud, 'one', { scheduling: SPOT });
    assert.deepEqual(
      {
        ...(await metadata(instance, 'scheduling')),
        preempted: await metadata(instance, 'preempted'),
      },
      {
        automaticRestart: 'FALSE',
        onHostMaintenance: 'TERMINATE',
        preemptible: 'TRUE',
        preempted: 'FALSE',
      },
    );
  });
});

async function metadata(instance: Fields, path: string): Promise<Fields> {
  const url = `http://${addressOf(instance)}:8880/computeMetadata/v1/instance/${path}?recursive=true&alt=json`;
  const reply = await fetch(url, { headers: { 'metadata-flavor': 'Google' } });
  return (await reply.json()) as Fields;
}

describe('a preemption', () => {
  it('stops a Spot instance, which says so, and can be started again', async (t) => {
    const durations = { ...NO_DURATIONS, stopMilliseconds: 500 };
    const cloud = await startCloud(t, { durations });
    await insert(cloud, 'one', { scheduling: SPOT });
    const operation = await cloud.control('POST', '/instances/one:preempt');
    assert.equal(operation['operationType'], 'compute.instances.preempted');
    assert.equal(operation['user'], 'system');
    assert.match(String(operation['name']), /^systemevent-/);
    await untilStatus(cloud, 'one', 'STOPPING');
    await untilStatus(cloud, 'one', 'TERMINATED');
    await cloud.operate('POST', `${INSTANCES}/one/start`);
    const again = await cloud.instance('one');
    assert.equal(again['status'], 'RUNNING');
    assert.equal(await metadata(again, 'preempted'), 'FALSE');
  });

  it('deletes one whose termination action says so', async (t) => {
    const cloud = await startCloud(t);
    await insert(cloud, 'one', { scheduling: { ...SPOT, instanceTerminationAction: 'DELETE' } });
    await cloud.control('POST', '/instances/one:preempt');
    await until('it is gone', async () => {
      return (await cloud.call('GET', `${INSTANCES}/one`)).status === 404;
    });
  });

  it('is refused for what Google does not preempt', async (t) => {
    const cloud = await startCloud(t);
    await insert(cloud, 'standard');
    await insert(cloud, 'stopped', { scheduling: SPOT });
    await cloud.operate('POST', `${INSTANCES}/stopped/stop`);
    const preempt = (name: string) => cloud.control('POST', `/instances/${name}:preempt`);
    await assert.rejects(preempt('standard'), /preempts Spot instances only/);
    await assert.rejects(preempt('stopped'), /only what is RUNNING/);
    await assert.rejects(preempt('nobody'), /was not found/);
  });

  it('is not a death: an instance that is killed boots again by itself', async (t) => {
    const cloud = await startCloud(t);
    await insert(cloud, 'one');
    await cloud.control('POST', '/instances/one:kill');
    await until('it has booted twice', () => cloud.runtime.boots.length === 2);
    await untilStatus(cloud, 'one', 'RUNNING');
    const types = (await operationsOf(cloud)).map((operation) => operation['operationType']);
    assert.ok(types.includes('compute.instances.hostError'), types.join());
  });
});

describe('maxRunDuration', () => {
  // Well below the hour that an access token lives.
  const limited = { maxRunDuration: { seconds: 900 }, instanceTerminationAction: 'STOP' };

  it('stops the instance when it has run so long since it was RUNNING last', async (t) => {
    const clock = createLeapingClock();
    const cloud = await startCloud(t, { clock });
    const instance = await insert(cloud, 'one', { scheduling: limited });
    const { scheduling } = instance['resourceStatus'] as { scheduling: Fields };
    const left = Date.parse(String(scheduling['terminationTimestamp'])) - clock.now();
    assert.ok(left > 800_000 && left <= 900_000, `${left} ms`);
    clock.leap(700_000);
    await cloud.operate('POST', `${INSTANCES}/one/suspend`);
    assert.equal((await cloud.instance('one'))['resourceStatus'], undefined);
    clock.leap(700_000);
    assert.equal((await cloud.instance('one'))['status'], 'SUSPENDED');
    await cloud.operate('POST', `${INSTANCES}/one/resume`);
    clock.leap(700_000);
    assert.equal((await cloud.instance('one'))['status'], 'RUNNING');
    clock.leap(200_000);
    await untilStatus(cloud, 'one', 'TERMINATED');
    const last = (await operationsOf(cloud)).find(({ user }) => user === 'system');
    assert.equal(last?.['operationType'], 'stop');
  });

  it('waits longer than a timer of Node.js can', async (t) => {
    const clock = createLeapingClock();
    const cloud = await startCloud(t, { clock });
    const scheduling = { ...limited, maxRunDuration: { seconds: 100 * 86_400 } };
    await insert(cloud, 'one', { scheduling });
    const status = async () => {
      const { instances } = await cloud.control('GET', '/instances');
      return (instances as Fields[])[0]?.['status'];
    };
    for (let day = 0; day < 99; day += 1) clock.leap(86_400_000);
    assert.equal(await status(), 'RUNNING');
    clock.leap(86_400_000);
    clock.leap(86_400_000);
    await until('it has stopped', async () => (await status()) === 'TERMINATED');
  });
});

describe('a boot disk', () => {
  it('has the labels of its parameters', async (t) => {
    const cloud = await startCloud(t);
    const request = instanceRequest('one');
    const [disk] = request['disks'] as { initializeParams: Fields }[];
    const initializeParams = { ...disk?.initializeParams, labels: { 'datalab-uid': 'abc' } };
    await insert(cloud, 'one', { disks: [{ ...disk, initializeParams }] });
    const { body } = await cloud.call('GET', `/zones/${ZONE}/disks/one`);
    assert.deepEqual(body['labels'], { 'datalab-uid': 'abc' });
  });
});
