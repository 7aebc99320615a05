// What stock Jupyter does with kernels and their output in the cases of our table, by the same steps as our own rows.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  creationTriedAgain,
  muchOutput,
  restartWithCellsWaiting,
  uiEnds,
} from '../continuity/rows/kernels.ts';
import { RELEASES, inStock } from '../continuity/stock-releases.ts';

for (const release of RELEASES) {
  describe(`stock Jupyter ${release}`, { concurrency: 2 }, () => {
    it('ends the kernels on the VM when the server with the pages is stopped', async (t) => {
      const seen = await inStock(t, release, (world) => uiEnds(world, 'SIGTERM'));
      if (seen) assert.deepEqual(seen, { kernelsLeft: 0, isSameKernel: false, kernelsThen: 1 });
    });

    it('gives a notebook another kernel when that server was killed; the first is nobody’s', async (t) => {
      const seen = await inStock(t, release, (world) => uiEnds(world, 'SIGKILL'));
      if (seen) assert.deepEqual(seen, { kernelsLeft: 1, isSameKernel: false, kernelsThen: 2 });
    });

    it('drops output that comes faster than 1 MB/s', async (t) => {
      const seen = await inStock(t, release, muchOutput);
      if (seen) assert.ok(seen.shown < seen.printed / 2, JSON.stringify(seen));
    });

    it('takes cells that wait for cancelled when their own tab restarts the kernel', async (t) => {
      const seen = await inStock(t, release, (world) => restartWithCellsWaiting(world, false));
      if (seen) assert.deepEqual(seen.fates, ['cancelled', 'cancelled', 'cancelled']);
    });

    it('shows [*] for ever for cells that wait behind one that no interrupt ends when anybody else restarts the kernel', async (t) => {
      const seen = await inStock(t, release, (world) => restartWithCellsWaiting(world, true));
      if (seen) assert.deepEqual(seen.fates, ['never', 'never', 'never']);
    });

    it('makes two kernels when the answer to the first request was lost', async (t) => {
      const seen = await inStock(t, release, creationTriedAgain);
      if (seen) assert.deepEqual(seen, { isRefused: true, kernels: 2 });
    });
  });
}
