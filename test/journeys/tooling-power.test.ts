// What the owner of a session asks for with its power: stop, start, suspend, in the middle of a cell too.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startBackend } from '../helpers/backend.ts';
import { only } from '../helpers/google-world.ts';
import { begin, kernelsOf, newKernel, run } from '../helpers/jupyter-front-end.ts';
import { requireProgram } from '../helpers/requires.ts';
import { until } from '../helpers/until.ts';

/** Cannot end before the session is awake again: a second kernel writes the file then. */
const WAITING_CELL = `
import os, time
steps = 1
while not os.path.exists('go-on'): time.sleep(0.02)
steps += 1
`;

describe('a session whose owner switches it', () => {
  it('suspends in the middle of a cell, which goes on; stops, and has its files again', async (t) => {
    if (!requireProgram(t, '/usr/bin/jupyter-server')) return;
    const { you, google } = await startBackend(t);
    const { id } = await you.create();
    await you.settle(id, 'READY');
    const status = async () => only(await google.instances(id)).status;
    const before = await you.gateway(id);
    const kernel = await newKernel(before);
    const leave = await begin(before, kernel, WAITING_CELL);
    t.after(leave);
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
