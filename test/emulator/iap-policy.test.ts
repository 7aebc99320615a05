// The IAM policies of tunnel instances at the emulated IAP: read, merge, write, and nothing lost in between.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseCondition } from '../../emulator/iap/condition.ts';
import {
  insert,
  PROJECT,
  request,
  startCloud,
  ZONE,
  type Cloud,
  type Fields,
} from './cloud-fixture.ts';

const ROLE = 'roles/iap.tunnelResourceAccessor';
const MEMBER = 'user:you@example.com';
const CONDITION = { title: 'the agent', expression: 'destination.port == 8888' };
const PERMISSIONS = ['getIamPolicy', 'setIamPolicy', 'accessViaIAP'].map(
  (name) => `iap.tunnelInstances.${name}`,
);

async function startWithInstance(t: Parameters<typeof startCloud>[0]): Promise<Cloud> {
  const cloud = await startCloud(t);
  await insert(cloud, 'one');
  return cloud;
}

async function get(cloud: Cloud, version = 3): Promise<Fields> {
  const options = { requestedPolicyVersion: version };
  return (await cloud.policy('one', 'getIamPolicy', { options })).body;
}

describe('an IAM policy at IAP', () => {
  it('is empty at first, and then what was set', async (t) => {
    const cloud = await startWithInstance(t);
    assert.deepEqual(await get(cloud), { etag: 'ACAB' });
    const bindings = [{ role: ROLE, members: [MEMBER], condition: CONDITION }];
    const policy = { version: 3, etag: 'ACAB', bindings };
    const { status, body } = await cloud.policy('one', 'setIamPolicy', { policy });
    assert.equal(status, 200);
    assert.deepEqual(body, { version: 3, etag: body['etag'], bindings });
    assert.notEqual(body['etag'], 'ACAB');
    assert.deepEqual(await get(cloud), body);
  });

  it('is found by the project’s number too, and with a token only', async (t) => {
    const cloud = await startWithInstance(t);
    const { oidc, compute } = cloud.emulator.ready.urls;
    const metadata = { headers: { 'metadata-flavor': 'Google' } };
    const url = `${oidc}/computeMetadata/v1/project/numeric-project-id`;
    const number = await (await fetch(url, metadata)).text();
    const read = async (project: string, token?: string) => {
      const path = `v1/projects/${project}/iap_tunnel/zones/${ZONE}/instances/one:getIamPolicy`;
      return (await request('POST', `${oidc}/${path}`, {}, token)).status;
    };
    assert.equal(await read(number, cloud.token), 200);
    assert.equal(await read('other', cloud.token), 403);
    assert.equal(await read(PROJECT), 401);
    assert.ok(compute.startsWith(oidc));
  });

  it('is not written over what somebody else has written meanwhile', async (t) => {
    const cloud = await startWithInstance(t);
    const write = (email: string) => {
      const bindings = [{ role: ROLE, members: [`user:${email}`] }];
      return cloud.policy('one', 'setIamPolicy', { policy: { etag: 'ACAB', bindings } });
    };
    await cloud.control('POST', '/users', { email: 'two@example.com' });
    assert.equal((await write('you@example.com')).status, 200);
    const late = await write('two@example.com');
    assert.equal(late.status, 409);
    const { status, message } = late.body['error'] as Fields;
    assert.equal(status, 'ABORTED');
    assert.match(String(message), /There were concurrent policy changes/);
    assert.match(JSON.stringify(await get(cloud)), /you@example.com/);
  });

  it('shows conditions to those who ask for version 3 only, and keeps them from the others', async (t) => {
    const cloud = await startWithInstance(t);
    await cloud.allowTunnel('one', 8888);
    for (const version of [0, 1]) {
      const { bindings, version: shown } = await get(cloud, version);
      const [binding] = bindings as Fields[];
      assert.equal(shown, 1);
      assert.match(String(binding?.['role']), new RegExp(`^${ROLE}_withcond_[0-9a-f]{20}$`));
      assert.equal(binding?.['condition'], undefined);
    }
    const { etag } = await get(cloud);
    const bindings = [{ role: ROLE, members: [MEMBER] }];
    const policy = { version: 1, etag, bindings };
    const refused = await cloud.policy('one', 'setIamPolicy', { policy });
    assert.equal((refused.body['error'] as Fields)['status'], 'INVALID_ARGUMENT');
    assert.match(JSON.stringify(await get(cloud)), /destination.port == 8888/);
  });

  it('has one binding for each role and condition, and every member once', async (t) => {
    const cloud = await startWithInstance(t);
    const bindings = [
      { role: ROLE, members: [MEMBER, 'user:You@Example.com'] },
      { role: ROLE, members: [MEMBER], condition: CONDITION },
      { role: ROLE, members: ['serviceAccount:a@b.iam.gserviceaccount.com'] },
      { role: 'roles/iap.admin', members: [] },
    ];
    const { body } = await cloud.policy('one', 'setIamPolicy', {
      policy: { version: 3, bindings },
    });
    assert.deepEqual(body['bindings'], [
      { role: ROLE, members: [MEMBER, 'serviceAccount:a@b.iam.gserviceaccount.com'] },
      { role: ROLE, members: [MEMBER], condition: CONDITION },
    ]);
  });

  const one = (binding: Fields, version = 3) => ({
    version,
    bindings: [{ role: ROLE, members: [MEMBER], ...binding }],
  });
  const refusals: [string, Fields, RegExp][] = [
    ['a member without a kind', one({ members: ['you@example.com'] }), /Invalid member/],
    ['everybody', one({ members: ['allUsers'] }), /Invalid member/],
    ['a user that is not there', one({ members: ['user:no@example.com'] }), /does not exist/],
    [
      'a service account as a user',
      one({ members: ['user:a@b.iam.gserviceaccount.com'] }),
      /unknown type/,
    ],
    ['a role of something else', one({ role: 'roles/viewer' }), /not supported for this resource/],
    ['a condition without version 3', one({ condition: CONDITION }, 1), /must have version 3/],
    [
      'a condition without a title',
      one({ condition: { ...CONDITION, title: '' } }),
      /bindings.0.condition.title/,
    ],
    [
      'a condition that is none',
      one({ condition: { ...CONDITION, expression: 'port = 8888' } }),
      /compilation failed/,
    ],
    ['version 2', { version: 2 }, /Invalid policy version/],
    ['an unknown field', { version: 3, audits: [] }, /audits/],
  ];
  it('is refused when it makes no sense, and the old one stays', async (t) => {
    const cloud = await startWithInstance(t);
    for (const [what, policy, message] of refusals) {
      const { status, body } = await cloud.policy('one', 'setIamPolicy', { policy });
      assert.equal(status, 400, what);
      const error = body['error'] as Fields;
      assert.equal(error['status'], 'INVALID_ARGUMENT', what);
      assert.equal(error['errors'], undefined, what);
      assert.match(String(error['message']), message, what);
    }
    assert.deepEqual(await get(cloud), { etag: 'ACAB' });
  });

  it('goes with its instance, and outlives the emulator', async (t) => {
    const cloud = await startWithInstance(t);
    await cloud.allowTunnel('one', 8888);
    const { etag } = await get(cloud);
    await cloud.emulator.end();
    const again = await startCloud(t, { stateDir: cloud.stateDir });
    assert.equal((await get(again))['etag'], etag);
    await again.operate('DELETE', `/zones/${ZONE}/instances/one`);
    assert.equal((await again.policy('one', 'getIamPolicy')).status, 404);
    await insert(again, 'one');
    assert.deepEqual(await get(again), { etag: 'ACAB' });
  });

  it('says which permissions the caller has', async (t) => {
    const cloud = await startWithInstance(t);
    const test = async () => {
      const { body } = await cloud.policy('one', 'testIamPermissions', {
        permissions: PERMISSIONS,
      });
      return body['permissions'];
    };
    assert.deepEqual(await test(), PERMISSIONS.slice(0, 2));
    const policy = { bindings: [{ role: ROLE, members: [MEMBER] }] };
    await cloud.policy('one', 'setIamPolicy', { policy });
    assert.deepEqual(await test(), PERMISSIONS);
  });
});

describe('a condition', () => {
  const cases: [string, number[], number[]][] = [
    ['destination.port == 8888', [8888], [22, 88]],
    ['destination.port==22||destination.port == 8888', [22, 8888], [23]],
    ['destination.port >= 8000 && destination.port < 9000', [8000, 8999], [7999, 9000]],
    ['destination.port != 22', [23], [22]],
  ];
  it('compares the port', () => {
    for (const [expression, allowed, refused] of cases) {
      const condition = parseCondition(expression);
      for (const port of allowed) assert.ok(condition(port), `${expression}: ${port}`);
      for (const port of refused) assert.ok(!condition(port), `${expression}: ${port}`);
    }
  });

  it('is refused when it says something that the emulator would have to make up', () => {
    const timed = 'request.time < timestamp("2030-01-01T00:00:00Z")';
    assert.throws(() => parseCondition(timed), { code: 501 });
    for (const expression of [
      '',
      'true',
      'destination.port == "22"',
      'destination.port == 22 ||',
    ]) {
      assert.throws(() => parseCondition(expression), { code: 400 }, expression);
    }
  });
});
