// Grants of tunnels, against the emulated IAP: its policies, its etags, its failures on request.
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { GoogleAuth, OAuth2Client } from 'google-auth-library';
import { systemClock, type Clock } from '../../../emulator/clock.ts';
import type { Grants } from '../../../functions/apply.ts';
import { AppError } from '../../../functions/errors.ts';
import { createTunnelGrants } from '../../../functions/google/iap.ts';
import { insert, startCloud, ZONE, type Cloud, type Fields } from '../../emulator/cloud-fixture.ts';
import { createLeapingClock } from '../../emulator/leaping-clock.ts';
import { until } from '../../helpers/until.ts';

const PORT = 8888;
const TARGET = { zone: ZONE, name: 'one' };
const USER = 'you@example.com';
const ROLE = 'roles/iap.tunnelResourceAccessor';

interface World {
  cloud: Cloud;
  grants: Grants;
}

async function start(
  t: TestContext,
  { callSeconds = 30, clock = systemClock }: { callSeconds?: number; clock?: Clock } = {},
): Promise<World> {
  const cloud = await startCloud(t, { clock });
  await insert(cloud, 'one');
  const authClient = new OAuth2Client({ credentials: { access_token: cloud.token } });
  const auth = new GoogleAuth({ authClient });
  const iapUrl = cloud.emulator.ready.urls.oidc;
  const config = { projectId: 'a-project', iapUrl, callSeconds };
  return { cloud, grants: createTunnelGrants(config, () => Promise.resolve(auth)) };
}

async function bindingsOf(cloud: Cloud): Promise<Fields[]> {
  const options = { requestedPolicyVersion: 3 };
  const { body } = await cloud.policy('one', 'getIamPolicy', { options });
  return (body['bindings'] ?? []) as Fields[];
}

function fault(cloud: Cloud, verb: string, rule: Fields): Promise<Fields> {
  return cloud.control('POST', '/faults', { service: 'iap', path: `:${verb}$`, ...rule });
}

describe('a grant of a tunnel', () => {
  it('is for one account and one port, and is there at the first time of asking', async (t) => {
    const { cloud, grants } = await start(t);
    assert.equal(await grants.hasGrant(TARGET, USER, PORT), false);
    await grants.grant(TARGET, 'You@Example.com', PORT);
    assert.equal(await grants.hasGrant(TARGET, USER, PORT), true);
    assert.equal(await grants.hasGrant(TARGET, USER, 22), false);
    assert.equal(await grants.hasGrant(TARGET, 'two@example.com', PORT), false);
    assert.deepEqual(await bindingsOf(cloud), [
      {
        role: ROLE,
        members: [`user:${USER}`],
        condition: { title: 'Datalab: port 8888', expression: 'destination.port == 8888' },
      },
    ]);
  });

  it('changes nothing when it is there, and takes nothing from others', async (t) => {
    const { cloud, grants } = await start(t);
    await cloud.control('POST', '/users', { email: 'two@example.com' });
    const condition = {
      title: 'SSH',
      description: 'for two',
      expression: 'destination.port == 22',
    };
    const others = [
      { role: 'roles/iap.admin', members: ['user:two@example.com'] },
      { role: ROLE, members: ['user:two@example.com'], condition },
    ];
    await cloud.policy('one', 'setIamPolicy', { policy: { version: 3, bindings: others } });
    await grants.grant(TARGET, USER, PORT);
    const robot = 'pipeline@a-project.iam.gserviceaccount.com';
    await grants.grant(TARGET, robot, PORT);
    const bindings = await bindingsOf(cloud);
    assert.deepEqual(bindings.slice(0, 2), others);
    assert.deepEqual(bindings[2]?.['members'], [`user:${USER}`, `serviceAccount:${robot}`]);
    await cloud.control('DELETE', '/calls');
    await grants.grant(TARGET, USER, PORT);
    const { calls } = (await cloud.control('GET', '/calls')) as { calls: { path: string }[] };
    assert.deepEqual(
      calls.map(({ path }) => path.split(':')[1]),
      ['getIamPolicy'],
    );
  });

  it('is there for a service account, whatever the case of its address', async (t) => {
    const { cloud, grants } = await start(t);
    const robot = 'Pipeline@A-Project.iam.gserviceaccount.com';
    await grants.grant(TARGET, robot, PORT);
    assert.equal(await grants.hasGrant(TARGET, robot, PORT), true);
    await grants.grant(TARGET, robot, PORT);
    assert.equal((await bindingsOf(cloud)).length, 1);
    const [{ members } = {}] = await bindingsOf(cloud);
    assert.deepEqual(members, [`serviceAccount:${robot.toLowerCase()}`]);
  });

  it('is not needed where the account may tunnel to every port', async (t) => {
    const { cloud, grants } = await start(t);
    const bindings = [{ role: ROLE, members: [`user:${USER}`] }];
    await cloud.policy('one', 'setIamPolicy', { policy: { bindings } });
    assert.equal(await grants.hasGrant(TARGET, USER, PORT), true);
  });

  it('is there once when the reply is lost and the caller tries again', async (t) => {
    const { cloud, grants } = await start(t);
    await fault(cloud, 'setIamPolicy', { loseReply: true });
    await assert.rejects(grants.grant(TARGET, USER, PORT), { code: 'UNAVAILABLE' });
    await grants.grant(TARGET, USER, PORT);
    assert.equal((await bindingsOf(cloud)).length, 1);
  });

  it('of two at once is kept for one, and the other hears that it lost', async (t) => {
    const clock = createLeapingClock();
    const { cloud, grants } = await start(t, { clock });
    await cloud.control('POST', '/users', { email: 'two@example.com' });
    // The first has read and is about to write, while the second does both.
    await fault(cloud, 'setIamPolicy', { delay: { milliseconds: 600_000 } });
    const first = grants.grant(TARGET, USER, PORT);
    first.catch(() => undefined);
    await until('the first is about to write', async () => {
      const { rules } = (await cloud.control('GET', '/faults')) as { rules: Fields[] };
      return rules[0]?.['hit'] === 1;
    });
    await grants.grant(TARGET, 'two@example.com', PORT);
    clock.leap(600_000);
    await assert.rejects(first, { code: 'ABORTED', isRetryable: true });
    await grants.grant(TARGET, USER, PORT);
    const [binding] = await bindingsOf(cloud);
    assert.deepEqual(binding?.['members'], ['user:two@example.com', `user:${USER}`]);
  });

  it('goes with the instance', async (t) => {
    const { cloud, grants } = await start(t);
    await grants.grant(TARGET, USER, PORT);
    await cloud.operate('DELETE', `/zones/${ZONE}/instances/one`);
    await assert.rejects(grants.hasGrant(TARGET, USER, PORT), { code: 'NOT_FOUND' });
    await insert(cloud, 'one');
    assert.equal(await grants.hasGrant(TARGET, USER, PORT), false);
  });

  const failures: [string, Fields, string, boolean][] = [
    [
      'a limit of the rate',
      { error: { status: 429, reason: 'rateLimitExceeded' } },
      'RESOURCE_EXHAUSTED',
      true,
    ],
    [
      'a missing role of the backend',
      { error: { status: 403, reason: 'IAM_PERMISSION_DENIED' } },
      'PERMISSION_DENIED',
      false,
    ],
    ['trouble at Google', { error: { status: 500, reason: 'backendError' } }, 'UNAVAILABLE', true],
    ['no answer', { timeout: true }, 'UNAVAILABLE', true],
    ['a dropped connection', { loseRequest: true }, 'UNAVAILABLE', true],
  ];
  it('fails in our own words', async (t) => {
    const { cloud, grants } = await start(t, { callSeconds: 1 });
    for (const [what, rule, code, isRetryable] of failures) {
      await fault(cloud, 'getIamPolicy', rule);
      await assert.rejects(grants.grant(TARGET, USER, PORT), (error) => {
        assert.ok(error instanceof AppError, what);
        assert.deepEqual([error.code, error.isRetryable], [code, isRetryable], what);
        assert.match(error.message, /^Identity-Aware Proxy: /, what);
        return true;
      });
    }
    await grants.grant(TARGET, USER, PORT);
  });
});
