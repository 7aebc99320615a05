// Team tooling in a project without a gateway image: it is built once for whoever needs it, and a build that fails is
// said with its log and not repeated until somebody asks.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { image, type SessionView } from '../../functions/contract.ts';
import { startBackend, type Backend } from '../helpers/backend.ts';
import { only } from '../helpers/google-world.ts';
import { newKernel, run } from '../helpers/jupyter-front-end.ts';
import { requireProgram } from '../helpers/requires.ts';
import { until } from '../helpers/until.ts';

const JUPYTER = '/usr/bin/jupyter-server';
const LAST_LINES = ['E: Unable to locate package python3-nothing', 'the command returned 100'];

describe('a project without a gateway image', () => {
  it('gets it from one build for three sessions at once, and each of them runs a cell', async (t) => {
    if (!requireProgram(t, JUPYTER)) return;
    const { you, google } = await startBackend(t, { seedGateway: false });
    const names = ['one', 'two', 'three'];
    const created = await Promise.all(names.map((name) => you.create({ name })));
    const ready = await Promise.all(created.map(({ id }) => you.settle(id, 'READY', 'FAILED')));
    const build = only(await google.builds());
    assert.equal(build.status, 'SUCCESS');
    const [{ digest } = { digest: '' }] = build.results?.images ?? [];
    for (const view of ready) {
      assert.ok(view !== 'GONE');
      assert.equal(view.state, 'READY', view.error?.message);
      assert.equal(view.image?.split('@')[1], digest);
      assert.ok(
        view.timeline.some(({ message }) => message.startsWith('BUILDING_IMAGE')),
        'it has not said that it waits for the image',
      );
      const gateway = await you.gateway(view.id);
      assert.equal((await run(gateway, await newKernel(gateway), '6*7')).trim(), '42');
    }
    assert.equal((await google.instances()).length, 3);
  });

  it('is told how a build failed, and builds again when somebody asks for that alone', async (t) => {
    if (!requireProgram(t, JUPYTER)) return;
    const backend = await startBackend(t, { seedGateway: false });
    const { you, google } = backend;
    const end = { step: 1, exitCode: 100, lines: LAST_LINES };
    await backend.control('POST', '/builds/next', end);
    const first = await you.create({ name: 'first' });
    checkFailed(await you.settle(first.id, 'FAILED', 'READY'));
    const failed = only(await google.builds());
    assert.equal(failed.status, 'FAILURE');
    const shown = image.parse(await you.ok('GET', '/v1/image'));
    assert.equal(shown.state, 'FAILED');
    assert.equal(shown.build?.id, failed.id);

    const second = await you.create({ name: 'second' });
    checkFailed(await you.settle(second.id, 'FAILED', 'READY'));
    await you.ok('POST', `/v1/sessions/${first.id}:start`);
    checkFailed(await you.settle(first.id, 'FAILED', 'READY'));
    assert.deepEqual(await google.builds(), [failed], 'a session has had it built again');
    assert.deepEqual(await google.instances(), []);

    await you.ok('POST', '/v1/image:build');
    await until('the image is built', () => isImageReady(backend));
    const statuses = (await google.builds()).map(({ status }) => status);
    assert.deepEqual(statuses.toSorted(), ['FAILURE', 'SUCCESS']);
    await you.ok('POST', `/v1/sessions/${first.id}:start`);
    await you.settle(first.id, 'READY');
    const gateway = await you.gateway(first.id);
    assert.equal((await run(gateway, await newKernel(gateway), '6*7')).trim(), '42');
  });
});

/** A clear end: what failed, its last lines, and what to do. */
function checkFailed(view: SessionView | 'GONE'): void {
  assert.ok(view !== 'GONE');
  assert.equal(view.state, 'FAILED');
  const message = view.error?.message ?? '';
  assert.match(message, /The build of image gcr\.io\/a-project\/datalab-gateway:latest .*FAILURE/);
  for (const line of LAST_LINES) assert.ok(message.includes(line), message);
  assert.match(message, /POST \/v1\/image:build/);
}

async function isImageReady({ you }: Backend): Promise<boolean> {
  const { state, error } = image.parse(await you.ok('GET', '/v1/image'));
  if (state === 'FAILED') throw new Error(error?.message);
  return state === 'READY';
}
