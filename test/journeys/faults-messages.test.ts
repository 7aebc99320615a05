// Messages about builds that come twice, never or late change nothing but the time.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import type { Backend } from '../helpers/backend.ts';
import { startFaultBackend } from '../helpers/fault-backend.ts';
import { until } from '../helpers/until.ts';
import {
  assertLived,
  countBuilds,
  create,
  instancesOf,
  live,
  operationsOf,
  reach,
} from '../helpers/whole-life.ts';
import { PROJECT, request, signIn } from '../emulator/cloud-fixture.ts';

const TOPIC = `projects/${PROJECT}/topics/cloud-builds`;
const EVERY_MESSAGE = { path: `^${TOPIC}$`, times: 1000 };

describe('a message about the build', () => {
  it('carries the session on while nobody waits for it', async (t) => {
    const backend = await startFaultBackend(t, { seedGateway: false });
    await assertCarriedOn(backend, (await create(backend.you, 'default')).id);
  });

  it('does so once, though it comes twice', async (t) => {
    const backend = await startFaultBackend(t, { seedGateway: false });
    await backend.control('POST', '/faults', { ...EVERY_MESSAGE, double: true });
    await assertCarriedOn(backend, (await create(backend.you, 'default')).id);
  });

  it('is not needed while somebody waits', async (t) => {
    const backend = await startFaultBackend(t, { seedGateway: false });
    await backend.control('POST', '/faults', { ...EVERY_MESSAGE, drop: true });
    await assertLived(backend, await live(backend, { name: 'default' }));
    const { rules } = await backend.control('GET', '/faults');
    const [{ hit } = { hit: 0 }] = rules as { hit: number }[];
    assert.ok(hit > 0, 'there were messages to drop');
    assert.equal(await countBuilds(backend), 1);
  });

  it('starts nothing when it comes late, or is of another build', async (t) => {
    const backend = await startFaultBackend(t, { seedGateway: false });
    const { id } = await create(backend.you, 'default');
    await reach(backend.you, id, 'READY');
    for (const status of ['QUEUED', 'WORKING', 'SUCCESS', 'FAILURE'])
      await publish(backend, status);
    await until('all are taken', () => unacknowledged(backend) === 0);
    assert.equal((await backend.you.get(id)).state, 'READY');
    assert.equal(await countBuilds(backend), 1);
    assert.equal((await operationsOf(backend, id)).length, 1);
  });
});

/** Messages that the function has not taken yet, as Pub/Sub remembers them. */
function unacknowledged({ stateDir }: Backend): number {
  const state = JSON.parse(readFileSync(path.join(stateDir, 'pubsub.json'), 'utf8')) as {
    subscriptions: { pending: unknown[] }[];
  };
  return state.subscriptions.reduce((sum, { pending }) => sum + pending.length, 0);
}

async function assertCarriedOn(backend: Backend, id: string): Promise<void> {
  await until('there is an instance', async () => (await instancesOf(backend, id)).length > 0, 60);
  await reach(backend.you, id, 'READY');
  assert.equal(await countBuilds(backend), 1);
  const operations = await operationsOf(backend, id);
  assert.deepEqual(
    operations.map(({ operationType }) => operationType),
    ['insert'],
  );
}

/** As anybody in the project can. */
async function publish({ emulator }: Backend, status: string): Promise<void> {
  const { access_token: token } = await signIn(emulator.ready.credentials);
  const id = '00000000-0000-4000-8000-000000000000';
  const data = Buffer.from(JSON.stringify({ id, status })).toString('base64');
  const messages = [{ data, attributes: { buildId: id, status } }];
  const url = `${emulator.ready.urls.oidc}/v1/${TOPIC}:publish`;
  const reply = await request('POST', url, { messages }, token);
  assert.equal(reply.status, 200, JSON.stringify(reply.body));
}
