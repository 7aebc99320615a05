// What others do to a session’s instance: a person at the console, Google that wants a Spot instance back, a zone
// without room. The session says so, and goes on when it is asked to.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startBackend, type Backend } from '../helpers/backend.ts';
import { ZONE } from '../emulator/cloud-fixture.ts';
import { only } from '../helpers/google-world.ts';
import { newKernel, run } from '../helpers/jupyter-front-end.ts';
import { requireProgram } from '../helpers/requires.ts';

const JUPYTER = '/usr/bin/jupyter-server';
const FALLBACK = 'us-central1-f';

describe('a session whose instance', () => {
  it('was deleted at the console says so, and gets another one when it is started', async (t) => {
    if (!requireProgram(t, JUPYTER)) return;
    const { you, google } = await startBackend(t);
    const { id } = await you.create();
    await you.settle(id, 'READY');
    const lost = only(await google.instances(id));
    await google.change('DELETE', lost);
    const failed = await you.settle(id, 'FAILED');
    assert.ok(failed !== 'GONE');
    assert.equal(failed.error?.code, 'NOT_FOUND');
    const words = `${lost.name} was deleted outside of Datalab, and its disk with it. Start the session again`;
    assert.ok(failed.error.message.includes(words), failed.error.message);
    const refusal = await you.refused('POST', `/v1/sessions/${id}:connect`);
    assert.match(refusal.message, /was deleted outside of Datalab/);

    await you.ok('POST', `/v1/sessions/${id}:start`);
    const again = await you.settle(id, 'READY');
    assert.ok(again !== 'GONE');
    assert.equal(again.generation, 2);
    assert.equal(again.error, undefined);
    const machine = only(await google.instances(id));
    assert.equal(machine.name, again.instance?.name);
    assert.notEqual(machine.name, lost.name);
    await runCell({ you }, id);
  });

  it('was preempted is STOPPED, keeps its files, and starts again', async (t) => {
    if (!requireProgram(t, JUPYTER)) return;
    const backend = await startBackend(t);
    const { you, google } = backend;
    const { id } = await you.create({ spot: true });
    await you.settle(id, 'READY');
    const gateway = await you.gateway(id);
    await run(gateway, await newKernel(gateway), "open('kept', 'w').write('still here')");
    const { name } = only(await google.instances(id));
    await backend.control('POST', `/instances/${name}:preempt`);
    const stopped = await you.settle(id, 'STOPPED', 'FAILED');
    assert.ok(stopped !== 'GONE');
    assert.equal(stopped.state, 'STOPPED', stopped.error?.message);
    assert.equal(only(await google.instances(id)).status, 'TERMINATED');

    await you.ok('POST', `/v1/sessions/${id}:start`);
    await you.settle(id, 'READY');
    assert.equal(only(await google.instances(id)).name, name);
    const awake = await you.gateway(id);
    const file = await run(awake, await newKernel(awake), "print(open('kept').read())");
    assert.equal(file.trim(), 'still here');
  });
});

describe('a session in a zone without room', () => {
  it('is made in its fallback zone; without one it ends and names the zones with room', async (t) => {
    if (!requireProgram(t, JUPYTER)) return;
    const backend = await startBackend(t);
    const { you, google } = backend;
    await backend.control('POST', '/faults', {
      method: 'POST',
      path: `/zones/${ZONE}/instances$`,
      times: 2,
      operationError: {
        code: 'ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS',
        zonesAvailable: ['us-central1-b', FALLBACK],
      },
    });
    const [lucky, stuck] = await Promise.all([
      you.create({ name: 'lucky', fallbackZones: [FALLBACK] }),
      you.create({ name: 'stuck' }),
    ]);
    const ready = await you.settle(lucky.id, 'READY', 'FAILED');
    assert.ok(ready !== 'GONE');
    assert.equal(ready.state, 'READY', ready.error?.message);
    assert.equal(ready.zone, FALLBACK);
    assert.equal(only(await google.instances(lucky.id)).zone, FALLBACK);
    await runCell({ you }, lucky.id);

    const failed = await you.settle(stuck.id, 'FAILED', 'READY');
    assert.ok(failed !== 'GONE');
    assert.equal(failed.state, 'FAILED');
    const message = failed.error?.message ?? '';
    assert.match(message, /does not have enough resources available/);
    assert.match(message, new RegExp(`Zones with room: us-central1-b,${FALLBACK}\\.`));
    assert.deepEqual(await google.instances(stuck.id), []);
    // There is room again, and the zone is tried again.
    await you.ok('POST', `/v1/sessions/${stuck.id}:start`);
    await you.settle(stuck.id, 'READY');
    assert.equal(only(await google.instances(stuck.id)).zone, ZONE);
  });
});

async function runCell({ you }: Pick<Backend, 'you'>, id: string): Promise<void> {
  const gateway = await you.gateway(id);
  assert.equal((await run(gateway, await newKernel(gateway), '6*7')).trim(), '42');
}
