// The administrator's policy: what it forbids is refused with the reason, and a policy that cannot be used is no policy.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { CreateSessionRequest } from '../../functions/contract.ts';
import { authenticateUser } from '../../functions/caller.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { create, driveTo } from './drive.ts';
import { createWorld, testConfig, type World } from './world.ts';

const POLICY = {
  zones: ['europe-west1-b', 'europe-west1-c'],
  machineTypes: ['e2-standard-4', 'e2-standard-8'],
  images: ['gcr.io/p/own'],
  serviceAccounts: ['Data-Readers@p.iam.gserviceaccount.com'],
  maxDiskSizeGb: 100,
  maxIdleTimeoutSeconds: 900,
  maxLifetimeSeconds: 86_400,
  administrators: ['Lead@example.com'],
};

function policyFile(t: TestContext, content: unknown): Record<string, string> {
  const file = path.join(temporaryFolder(t), 'policy.json');
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return { POLICY_FILE: file };
}

const FORBIDDEN: readonly [string, Partial<CreateSessionRequest>, string, RegExp][] = [
  ['a zone', { zone: 'us-east1-b' }, 'zone', /one of europe-west1-b, europe-west1-c/],
  ['a fallback zone', { fallbackZones: ['us-east1-b'] }, 'fallbackZones[0]', /one of europe/],
  ['a machine type', { machineType: 'n2-standard-96' }, 'machineType', /one of e2-standard-4/],
  ['an image', { image: 'docker.io/somebody/else' }, 'image', /one of gcr\.io\/p\/own/],
  [
    'a service account',
    { serviceAccount: 'x@p.iam.gserviceaccount.com' },
    'serviceAccount',
    /data-readers/,
  ],
  ['a disk', { diskSizeGb: 200 }, 'diskSizeGb', /at most 100/],
  ['an idle timeout', { idleTimeoutSeconds: 901 }, 'idleTimeoutSeconds', /at most 900/],
  ['a lifetime', { maxLifetimeSeconds: 90_000 }, 'maxLifetimeSeconds', /at most 86400/],
];

async function assertNothingStored(world: World): Promise<void> {
  assert.deepEqual(await world.store.list({ size: 10 }), []);
  assert.equal(world.compute.calls.length, 0);
}

describe('the administrator’s policy', () => {
  for (const [what, request, field, reason] of FORBIDDEN) {
    it(`refuses ${what} outside of it, names the field, and stores nothing`, async (t) => {
      using world = createWorld(policyFile(t, POLICY));
      await assert.rejects(create(world, 'default', request), (error: Error) => {
        const { fieldViolations } = error as { fieldViolations?: { field: string }[] };
        assert.deepEqual(
          fieldViolations?.map((violation) => violation.field),
          [field],
        );
        assert.match(error.message, reason);
        return true;
      });
      await assertNothingStored(world);
    });
  }

  it('allows what is within it', async (t) => {
    using world = createWorld(policyFile(t, POLICY));
    world.builds.images.set('gcr.io/p/own', `sha256:${'e'.repeat(64)}`);
    const { id } = await create(world, 'default', {
      zone: 'europe-west1-c',
      machineType: 'e2-standard-8',
      image: 'gcr.io/p/own',
      serviceAccount: 'data-readers@p.iam.gserviceaccount.com',
      diskSizeGb: 100,
      idleTimeoutSeconds: 900,
      maxLifetimeSeconds: 86_400,
    });
    await driveTo(world, id, 'READY');
  });

  it('bounds what a session gets that asks for nothing', async (t) => {
    using world = createWorld(policyFile(t, POLICY));
    const view = await create(world);
    assert.equal(view.idleTimeoutSeconds, 900);
    assert.equal(view.maxLifetimeSeconds, 86_400);
  });

  it('lets nobody choose an image or a service account unless it names some', async () => {
    using world = createWorld();
    await assert.rejects(create(world, 'a', { image: 'gcr.io/p/own' }), /names none/);
    const serviceAccount = 'data-readers@p.iam.gserviceaccount.com';
    await assert.rejects(create(world, 'a', { serviceAccount }), /names none/);
  });

  it('says who is administrator, whatever the case of the letters', async (t) => {
    const config = testConfig(policyFile(t, POLICY));
    const claims = { sub: '7', email: 'lead@example.com', email_verified: true };
    const identity = { verify: () => Promise.resolve(claims) };
    const user = await authenticateUser({ authorization: 'Bearer a.b.c' }, { config, identity });
    assert.equal(user.isAdministrator, true);
  });

  it('keeps the service accounts of kernels out, those that a caller may choose too', async (t) => {
    const config = testConfig(policyFile(t, POLICY));
    const email = 'data-readers@p.iam.gserviceaccount.com';
    const identity = { verify: () => Promise.resolve({ sub: '8', email, email_verified: true }) };
    const headers = { authorization: 'Bearer a.b.c' };
    await assert.rejects(authenticateUser(headers, { config, identity }), {
      code: 'PERMISSION_DENIED',
    });
  });

  it('keeps the backend from starting with defaults that it forbids, and names each setting', (t) => {
    const policy = { zones: ['us-east1-b'], machineTypes: ['e2-small'], maxDiskSizeGb: 20 };
    assert.throws(
      () => testConfig(policyFile(t, policy)),
      (error: Error) => {
        assert.match(error.message, /ZONE: must be one of us-east1-b/);
        assert.match(error.message, /MACHINE_TYPE: must be one of e2-small/);
        assert.match(error.message, /DISK_SIZE_GB: must be at most 20/);
        return true;
      },
    );
    const env = { ZONE: 'us-east1-b', MACHINE_TYPE: 'e2-small', DISK_SIZE_GB: '20' };
    assert.equal(testConfig({ ...policyFile(t, policy), ...env }).defaults.zone, 'us-east1-b');
  });

  it('keeps the backend from starting when it is mistyped, is not JSON, or is not there', (t) => {
    assert.throws(() => testConfig(policyFile(t, { zone: ['x'] })), /Unrecognized key: "zone"/);
    assert.throws(() => testConfig(policyFile(t, '{')), /is not JSON/);
    assert.throws(() => testConfig({ POLICY_FILE: '/nowhere/policy.json' }), /cannot be read/);
  });
});
