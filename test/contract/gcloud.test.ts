// Google's gcloud against the emulated Compute Engine and IAP relay, with credentials on, as against Google.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { insert, startCloud, ZONE, type Cloud } from '../emulator/cloud-fixture.ts';
import { MIRROR_PORT } from '../emulator/echo-runtime.ts';
import { requireProgram } from '../helpers/requires.ts';
import { gcloudOf, type Gcloud } from './gcloud.ts';

const IN_ZONE = `--zone=${ZONE}`;

async function prepare(t: TestContext): Promise<{ cloud: Cloud; gcloud: Gcloud } | undefined> {
  if (!requireProgram(t, 'gcloud')) return undefined;
  const cloud = await startCloud(t);
  return { cloud, gcloud: gcloudOf(t, cloud) };
}

describe('gcloud compute against the emulator', () => {
  it('lists and describes an instance', async (t) => {
    const prepared = await prepare(t);
    if (!prepared) return;
    const { cloud, gcloud } = prepared;
    await insert(cloud, 'one');
    const [listed] = await gcloud.json('instances', 'list');
    const [described] = await gcloud.json('instances', 'describe', 'one', IN_ZONE);
    assert.equal(listed?.['name'], 'one');
    assert.equal(listed['status'], 'RUNNING');
    assert.deepEqual(described, listed);
  });

  it('filters on the server and on its own side', async (t) => {
    const prepared = await prepare(t);
    if (!prepared) return;
    const { cloud, gcloud } = prepared;
    await insert(cloud, 'one');
    await insert(cloud, 'two', { labels: { a: 'b' } });
    const names = async (filter: string) =>
      (await gcloud.json('instances', 'list', `--filter=${filter}`)).map(({ name }) => name);
    assert.deepEqual(await names('name=two'), ['two']);
    assert.deepEqual(await names('name~^o'), ['one']);
    assert.deepEqual(await names('labels.a=b AND status=RUNNING'), ['two']);
    assert.deepEqual(await names('NOT name:one'), ['two']);
  });

  it('creates, stops, starts, suspends, resumes, resets and deletes an instance', async (t) => {
    const prepared = await prepare(t);
    if (!prepared) return;
    const { cloud, gcloud } = prepared;
    const [created] = await gcloud.json(
      'instances',
      'create',
      'made',
      IN_ZONE,
      '--machine-type=e2-standard-2',
      '--labels=a=b',
      '--metadata=startup-script=true',
    );
    assert.equal(created?.['status'], 'RUNNING');
    const steps = [
      ['stop', 'TERMINATED'],
      ['start', 'RUNNING'],
      ['suspend', 'SUSPENDED'],
      ['resume', 'RUNNING'],
      ['reset', 'RUNNING'],
    ] as const;
    for (const [verb, status] of steps) {
      const { status: exit, stderr } = await gcloud.run('instances', verb, 'made', IN_ZONE);
      assert.equal(exit, 0, stderr);
      assert.equal((await cloud.instance('made'))['status'], status, verb);
    }
    const { status, stderr } = await gcloud.run('instances', 'delete', 'made', IN_ZONE);
    assert.equal(status, 0, stderr);
    assert.deepEqual(await gcloud.json('instances', 'list'), []);
    const operations = await gcloud.json('operations', 'list');
    assert.deepEqual(
      operations.map(({ operationType }) => operationType),
      ['insert', 'stop', 'start', 'suspend', 'resume', 'reset', 'delete'],
    );
  });

  it('changes several instances in one batch', async (t) => {
    const prepared = await prepare(t);
    if (!prepared) return;
    const { cloud, gcloud } = prepared;
    await insert(cloud, 'one');
    await insert(cloud, 'two');
    const { status, stderr } = await gcloud.run('instances', 'stop', 'one', 'two', IN_ZONE);
    assert.equal(status, 0, stderr);
    const listed = await gcloud.json('instances', 'list');
    assert.deepEqual(
      listed.map((instance) => instance['status']),
      ['TERMINATED', 'TERMINATED'],
    );
  });

  it('changes labels and metadata and reads the serial port', async (t) => {
    const prepared = await prepare(t);
    if (!prepared) return;
    const { cloud, gcloud } = prepared;
    await insert(cloud, 'one');
    await gcloud.json('instances', 'add-labels', 'one', IN_ZONE, '--labels=c=d');
    await gcloud.json('instances', 'add-metadata', 'one', IN_ZONE, '--metadata=k=v');
    const [instance] = await gcloud.json('instances', 'describe', 'one', IN_ZONE);
    assert.deepEqual(instance?.['labels'], { 'datalab-session': 'one', c: 'd' });
    assert.match(JSON.stringify(instance['metadata']), /"key":"k","value":"v"/);
    const { stdout } = await gcloud.run('instances', 'get-serial-port-output', 'one', IN_ZONE);
    assert.match(stdout, /booted one/);
  });

  it('lists zones, machine types, disks and networks', async (t) => {
    const prepared = await prepare(t);
    if (!prepared) return;
    const { cloud, gcloud } = prepared;
    await insert(cloud, 'one');
    const names = async (...args: string[]) => (await gcloud.json(...args)).map(({ name }) => name);
    assert.ok((await names('zones', 'list')).includes(ZONE));
    assert.ok((await names('machine-types', 'list', `--zones=${ZONE}`)).includes('e2-standard-4'));
    assert.deepEqual(await names('disks', 'list'), ['one']);
    assert.deepEqual(await names('networks', 'list'), ['default']);
  });

  it('creates a Spot instance that may run for an hour, and sees it preempted', async (t) => {
    const prepared = await prepare(t);
    if (!prepared) return;
    const { cloud, gcloud } = prepared;
    const limits = ['--max-run-duration=1h', '--instance-termination-action=STOP'];
    const model = '--provisioning-model=SPOT';
    const [created] = await gcloud.json('instances', 'create', 'spot', IN_ZONE, model, ...limits);
    assert.deepEqual(created?.['scheduling'], {
      automaticRestart: false,
      instanceTerminationAction: 'STOP',
      maxRunDuration: { seconds: '3600' },
      onHostMaintenance: 'TERMINATE',
      preemptible: true,
      provisioningModel: 'SPOT',
    });
    await cloud.control('POST', '/instances/spot:preempt');
    const filter = '--filter=operationType=compute.instances.preempted';
    const [preempted] = await gcloud.json('operations', 'list', filter);
    assert.equal(preempted?.['statusMessage'], 'Instance was preempted.');
  });

  it('passes on why an operation has failed', async (t) => {
    const prepared = await prepare(t);
    if (!prepared) return;
    const { cloud, gcloud } = prepared;
    const isInsert = { method: 'POST', path: '/instances$' };
    const code = 'ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS';
    await cloud.control('POST', '/faults', [
      { ...isInsert, operationError: { code } },
      { ...isInsert, operationError: { code: 'QUOTA_EXCEEDED' } },
    ]);
    const create = () => gcloud.run('instances', 'create', 'one', IN_ZONE);
    const stockOut = await create();
    assert.equal(stockOut.status, 1);
    assert.match(stockOut.stderr, /zonesAvailable: us-central1-b,us-central1-c,us-central1-f/);
    const quota = await create();
    assert.match(quota.stderr, /limit name = CPUS-per-project-region\s+limit = 24/);
    assert.equal((await create()).status, 0);
  });

  it('is told of mistakes in words that it passes on', async (t) => {
    const prepared = await prepare(t);
    if (!prepared) return;
    const { cloud, gcloud } = prepared;
    await insert(cloud, 'one');
    const mistakes = [
      [
        ['describe', 'nobody', IN_ZONE],
        /'projects\/a-project\/zones\/us-central1-a\/instances\/nobody' was not found/,
      ],
      [['create', 'one', IN_ZONE], /already exists/],
      [['create', 'Upper', IN_ZONE], /Invalid value for field 'resource.name': 'Upper'/],
      [
        ['create', 'x', IN_ZONE, '--machine-type=e2-none'],
        /Machine type with name 'e2-none' does not exist/,
      ],
      [['start', 'one', '--zone=mars-north1-a'], /Unknown zone/],
    ] as const;
    for (const [args, message] of mistakes) {
      const { status, stderr } = await gcloud.run('instances', ...args);
      assert.equal(status, 1, args.join(' '));
      assert.match(stderr, message);
    }
  });

  it('passes megabytes both ways through the IAP relay', async (t) => {
    const prepared = await prepare(t);
    if (!prepared) return;
    const { cloud, gcloud } = prepared;
    await insert(cloud, 'one');
    await cloud.allowTunnel('one', MIRROR_PORT);
    // There, then back: gcloud waits for itself for ever when it sends and receives much at the same time.
    const port = await gcloud.tunnel(t, 'one', MIRROR_PORT, ZONE);
    const sent = randomBytes(4_000_000);
    const received = await mirror(port, sent);
    assert.equal(hash(received), hash(sent));
  });

  it('says why no tunnel can be opened', async (t) => {
    const prepared = await prepare(t);
    if (!prepared) return;
    const { cloud, gcloud } = prepared;
    await insert(cloud, 'one');
    await assert.rejects(gcloud.tunnel(t, 'one', 9, ZONE), /4033: 'not authorized'/);
    await cloud.allowTunnel('one', 9);
    await assert.rejects(gcloud.tunnel(t, 'one', 9, ZONE), /4003: 'failed to connect to backend'/);
    await assert.rejects(gcloud.tunnel(t, 'nobody', 9, ZONE), /instances\/nobody' was not found/);
  });
});

function mirror(port: number, sent: Buffer): Promise<Buffer> {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(sent.length);
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    const chunks: Buffer[] = [];
    let size = 0;
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size === sent.length) resolve(Buffer.concat(chunks));
      if (size === sent.length) socket.destroy();
    });
    socket.on('error', reject);
    socket.on('close', () => {
      reject(new Error(`closed after ${size} bytes`));
    });
    socket.write(length);
    socket.write(sent);
  });
}

function hash(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
