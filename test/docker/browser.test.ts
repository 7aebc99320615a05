// What a person does with the URL that `start` prints, with containers throughout: opens an example in a browser, runs all of
// it, sees numbers and plots; and the kernel is in the gateway's container on the instance.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CHROMIUM } from '../browser/chromium.ts';
import { lastFirst } from '../browser/last-first.ts';
import { untilShown } from '../browser/notebook-page.ts';
import { requireProgram } from '../helpers/requires.ts';
import { until } from '../helpers/until.ts';
import { MAY_BUILD, requireEngine } from './engine.ts';
import { countPlots, openExample, runAllCells, saveRun } from './example-page.ts';

describe('an example notebook in a browser, on the docker runtime', MAY_BUILD, () => {
  it('runs in the gateway’s container, shows its numbers and plots, and is kept on this machine', async (t) => {
    const docker = requireEngine(t);
    if (!docker || !requireProgram(t, CHROMIUM)) return;
    const example = await openExample(lastFirst(t), docker, 'keeling-curve.ipynb');
    const { notebook, gateway } = example;
    await runAllCells(example);
    // Its last line, the same on every machine.
    const last = /^keeling-curve OK: 741 months, growth in the 2010s \d\.\d\d ppm per year, /;
    assert.match((await notebook.outputs()).at(-1) ?? '', last);
    await until('three plots', async () => (await countPlots(example)) === 3);
    const saved = await saveRun(example);
    const numbers = saved.map((cell) => cell.execution_count);
    assert.deepEqual(
      numbers,
      Array.from(saved, (_, index) => index + 1),
    );
    assert.match(JSON.stringify(saved.at(-1)?.outputs), /keeling-curve OK: 741 months/);

    await notebook.runNew('import socket; print("runs on", socket.gethostname())');
    const id = await docker('inspect', '--format', '{{.Id}}', gateway);
    await untilShown(notebook, new RegExp(`^runs on ${id.slice(0, 12)}$`, 'm'));
    assert.equal(await notebook.dialog(), undefined);
  });
});
