// Sessions that sleep. A minute in which five are left alone: each does what was agreed. They run side by side, since a
// minute is the shortest idle time that there is; and beside them one whose owner switches it.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CreateSessionRequest, SessionView } from '../../functions/contract.ts';
import { startBackend, type Backend } from '../helpers/backend.ts';
import { only } from '../helpers/google-world.ts';
import { begin, kernelsOf, newKernel, run } from '../helpers/jupyter-front-end.ts';
import { requireProgram } from '../helpers/requires.ts';
import { until } from '../helpers/until.ts';

const IDLE_SECONDS = 60;
const AT_WORK = 'import time\nfor _ in range(600): time.sleep(1)';

/** Cannot end before the session is awake again: a second kernel writes the file then. */
const WAITING_CELL = `
import os, time
steps = 1
while not os.path.exists('go-on'): time.sleep(0.02)
steps += 1
`;

interface Left {
  view: SessionView;
  kernel: string;
}

describe('sessions', { concurrency: true }, () => {
  it('that are left alone for their idle time sleep as they were told, with their kernels, unless they have a reason not to', async (t) => {
    if (!requireProgram(t, '/usr/bin/jupyter-server')) return;
    const backend = await startBackend(t);
    const [suspended, stopped, deleted, busy, extended] = await Promise.all([
      leave(backend, { name: 'suspended', idleAction: 'suspend' }),
      leave(backend, { name: 'stopped', idleAction: 'stop' }),
      leave(backend, { name: 'deleted', idleAction: 'delete' }),
      leaveAtWork(backend, { name: 'busy', idleAction: 'suspend' }),
      leave(backend, { name: 'extended', idleAction: 'suspend' }),
    ]);
    await backend.you.ok('POST', `/v1/sessions/${extended.view.id}:extend`, {
      body: { seconds: 600 },
    });
    await Promise.all([
      checkSuspended(backend, suspended),
      checkStopped(backend, stopped),
      checkDeleted(backend, deleted),
    ]);
    await checkBusy(backend, busy);
    await checkExtended(backend, extended);
    await checkWoken(backend, suspended);
  });

  it('that are switched suspend in the middle of a cell, which goes on; stop, and have their files again', async (t) => {
    if (!requireProgram(t, '/usr/bin/jupyter-server')) return;
    const { you, google } = await startBackend(t);
    const { id } = await you.create();
    await you.settle(id, 'READY');
    const status = async () => only(await google.instances(id)).status;
    const before = await you.gateway(id);
    const kernel = await newKernel(before);
    const shut = await begin(before, kernel, WAITING_CELL);
    t.after(shut);
    await until('the kernel is known to be busy', async () =>
      (await you.get(id)).kernels.some(({ state }) => state === 'busy'),
    );

    await you.ok('POST', `/v1/sessions/${id}:suspend`);
    await you.settle(id, 'SUSPENDED');
    assert.equal(await status(), 'SUSPENDED');
    await you.ok('POST', `/v1/sessions/${id}:start`);
    await you.settle(id, 'READY');
    assert.equal(await status(), 'RUNNING');
    const awake = await you.gateway(id);
    const other = await newKernel(awake);
    await run(awake, other, "open('go-on', 'w').write('still here')");
    assert.equal((await run(awake, kernel, 'steps')).trim(), '2');

    await you.ok('POST', `/v1/sessions/${id}:stop`);
    await you.settle(id, 'STOPPED');
    assert.equal(await status(), 'TERMINATED');
    await you.ok('POST', `/v1/sessions/${id}:start`);
    const again = await you.settle(id, 'READY');
    assert.ok(again !== 'GONE');
    assert.equal(again.generation, 1, 'it has another instance');
    const gateway = await you.gateway(id);
    assert.deepEqual(await kernelsOf(gateway), [], 'a kernel has outlived the machine’s power');
    const file = await run(gateway, await newKernel(gateway), "print(open('go-on').read())");
    assert.equal(file.trim(), 'still here');
  });
});

/** A session with a kernel that holds a variable, and nobody there any more. */
async function leave(backend: Backend, wanted: Partial<CreateSessionRequest>): Promise<Left> {
  const { you } = backend;
  const { id } = await you.create({ idleTimeoutSeconds: IDLE_SECONDS, ...wanted });
  const view = await you.settle(id, 'READY');
  assert.ok(view !== 'GONE');
  const gateway = await you.gateway(id);
  const kernel = await newKernel(gateway);
  await run(gateway, kernel, 'x = 41');
  return { view, kernel };
}

/** Its cell runs on when the connection has gone. */
async function leaveAtWork(backend: Backend, wanted: Partial<CreateSessionRequest>): Promise<Left> {
  const left = await leave(backend, wanted);
  const { you } = backend;
  const shut = await begin(await you.gateway(left.view.id), left.kernel, AT_WORK);
  await until('the kernel is known to be busy', async () => {
    const { kernels } = await you.get(left.view.id);
    return kernels.some(({ state }) => state === 'busy');
  });
  shut();
  return left;
}

async function checkSuspended({ you, google }: Backend, { view }: Left): Promise<void> {
  const asleep = await you.settle(view.id, 'SUSPENDED');
  assert.ok(asleep !== 'GONE');
  assert.equal(only(await google.instances(view.id)).status, 'SUSPENDED');
  assert.ok(secondsAwake(asleep, 'SUSPENDING') >= IDLE_SECONDS, 'it slept before its time');
}

/** The machine has switched itself off: only the agent can look and act in one go. */
async function checkStopped({ you, google }: Backend, { view }: Left): Promise<void> {
  const asleep = await you.settle(view.id, 'STOPPED');
  assert.ok(asleep !== 'GONE');
  const machine = only(await google.instances(view.id));
  assert.equal(machine.status, 'TERMINATED');
  const done = (await google.operations(machine.id)).map(({ operationType }) => operationType);
  assert.ok(done.includes('compute.instances.guestTerminate'), done.join());
  assert.ok(!done.includes('stop'), 'the backend has stopped it');
  assert.ok(secondsAwake(asleep, 'STOPPING') >= IDLE_SECONDS, 'it slept before its time');
}

async function checkDeleted({ you, google }: Backend, { view }: Left): Promise<void> {
  assert.equal(await you.settle(view.id, 'GONE'), 'GONE');
  assert.deepEqual(await google.instances(view.id), []);
  const disks = await google.disks();
  assert.ok(!disks.includes(view.instance?.name ?? ''), disks.join());
}

async function checkBusy({ you, google }: Backend, { view }: Left): Promise<void> {
  const { state, awake } = await you.get(view.id);
  assert.equal(state, 'READY');
  assert.equal(awake?.reason, 'kernel python3 is busy');
  assert.equal(awake.sleepTime, undefined);
  assert.equal(only(await google.instances(view.id)).status, 'RUNNING');
}

async function checkExtended({ you, google }: Backend, { view }: Left): Promise<void> {
  const { state, awake } = await you.get(view.id);
  assert.equal(state, 'READY');
  assert.equal(awake?.reason, 'it was asked to stay awake');
  assert.ok(Date.parse(awake.sleepTime ?? '') > Date.now() + 300_000, awake.sleepTime);
  assert.equal(only(await google.instances(view.id)).status, 'RUNNING');
}

async function checkWoken({ you, google }: Backend, { view, kernel }: Left): Promise<void> {
  await you.ok('POST', `/v1/sessions/${view.id}:start`);
  const awake = await you.settle(view.id, 'READY');
  assert.ok(awake !== 'GONE');
  assert.equal(awake.instance?.name, view.instance?.name);
  assert.equal(only(await google.instances(view.id)).status, 'RUNNING');
  const gateway = await you.gateway(view.id);
  assert.deepEqual(await kernelsOf(gateway), [kernel]);
  assert.equal((await run(gateway, kernel, 'x + 1')).trim(), '42');
}

/** From when it was READY to the first time that it was in that state. */
function secondsAwake({ timeline }: SessionView, state: string): number {
  const timeOf = (wanted: string) =>
    Date.parse(timeline.find(({ message }) => message.startsWith(wanted))?.time ?? '');
  return (timeOf(state) - timeOf('READY')) / 1000;
}
