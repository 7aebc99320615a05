// Team tooling that repeats itself and changes its mind: fifty POSTs of one name, a delete before the instance is there.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NO_DURATIONS } from '../../emulator/options.ts';
import { startBackend, type Backend } from '../helpers/backend.ts';
import { only } from '../helpers/google-world.ts';
import { newKernel, run } from '../helpers/jupyter-front-end.ts';
import { requireProgram } from '../helpers/requires.ts';

const JUPYTER = '/usr/bin/jupyter-server';
const CALLERS = 50;
/** Long enough to be met on the way. */
const INSERT_MILLISECONDS = 2_000;

describe('a session that is created', () => {
  it('by fifty callers at once is one session with one instance, and all of them succeed', async (t) => {
    if (!requireProgram(t, JUPYTER)) return;
    const { you, google } = await startBackend(t);
    const created = await Promise.all(
      Array.from({ length: CALLERS }, () => you.create({ name: 'shared' })),
    );
    assert.equal(created.length, CALLERS);
    const id = only([...new Set(created.map((view) => view.id))]);
    await you.settle(id, 'READY');
    const machine = only(await google.instances());
    assert.equal(machine.labels['datalab-session'], id);
    const inserts = (await google.operations(machine.id)).filter(
      ({ operationType }) => operationType === 'insert',
    );
    assert.equal(inserts.length, 1);
    const { sessions } = (await you.ok('GET', '/v1/sessions')) as { sessions: { id: string }[] };
    assert.equal(only(sessions).id, id);
    const gateway = await you.gateway(id);
    assert.equal((await run(gateway, await newKernel(gateway), '6*7')).trim(), '42');
  });

  it('and deleted on its way leaves nothing, and its name is free at once', async (t) => {
    if (!requireProgram(t, JUPYTER)) return;
    const durations = { ...NO_DURATIONS, insertMilliseconds: INSERT_MILLISECONDS };
    const backend = await startBackend(t, { durations });
    const { you, google } = backend;
    const next = await Promise.all([
      replaceIn(backend, 'early', 'CREATING'),
      replaceIn(backend, 'late', 'BOOTING'),
    ]);
    for (const id of next) await you.settle(id, 'READY');
    const owners = (await google.instances()).map(({ labels }) => labels['datalab-session']);
    assert.deepEqual(owners.toSorted(), next.toSorted());
    assert.equal((await google.disks()).length, 2);

    for (const id of next) await you.ok('DELETE', `/v1/sessions/${id}`);
    for (const id of next) await you.settle(id, 'GONE');
    assert.deepEqual(await google.instances(), []);
    assert.deepEqual(await google.disks(), []);
    assert.deepEqual(await you.ok('GET', '/v1/sessions'), { sessions: [] });
  });
});

/** Creates a session, deletes it in that state, and creates one of the same name before the first one has gone. */
async function replaceIn({ you, google }: Backend, name: string, state: string): Promise<string> {
  const first = await you.create({ name });
  const met = await you.settle(first.id, state, 'READY');
  assert.ok(met !== 'GONE');
  assert.equal(met.state, state);
  await you.ok('DELETE', `/v1/sessions/${first.id}`);
  const second = await you.create({ name });
  assert.notEqual(second.id, first.id);
  assert.equal(second.generation, 1);
  assert.equal(await you.settle(first.id, 'GONE'), 'GONE');
  assert.deepEqual(await google.instances(first.id), []);
  return second.id;
}
