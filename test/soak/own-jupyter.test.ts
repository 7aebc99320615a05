// A Jupyter of the user's own on the relay of `connect`: what works as with our own pages, and what that program does to
// itself. The rows are those of test/continuity/; a second in life is a tenth of one here.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inOwn } from '../continuity/own-jupyter-world.ts';
import { cutWhileACellRuns } from '../continuity/rows/cuts.ts';
import { uiEnds } from '../continuity/rows/kernels.ts';

const DROPPED = { kind: 'dropped' } as const;

for (const kind of ['classic', 'lab'] as const) {
  describe(`a ${kind === 'lab' ? 'JupyterLab' : 'classic notebook'} of one’s own`, () => {
    it('shows all of a cell that ran through a cut of 10 s, and ends its kernels with itself', async (t) => {
      await inOwn(t, kind, async (world) => {
        const seen = await cutWhileACellRuns(world, 10, DROPPED);
        assert.deepEqual([seen.recovers, seen.fate], [true, 'ok']);
        assert.equal(seen.lines, seen.linesPrinted);
        const end = await uiEnds(world, 'SIGTERM');
        assert.deepEqual(end, { kernelsLeft: 0, isSameKernel: false, kernelsThen: 1 });
      });
    });

    // JupyterLab comes back as the same front-end, the classic notebook's server never says who it is.
    const what = kind === 'lab' ? 'shows all' : 'misses the end';
    it(`${what} of a cell that ran through a cut of 75 s`, async (t) => {
      await inOwn(t, kind, async (world) => {
        const seen = await cutWhileACellRuns(world, 75, DROPPED);
        assert.equal(seen.recovers, true);
        assert.equal(seen.fate, kind === 'lab' ? 'ok' : 'never');
        assert.equal(seen.lines, kind === 'lab' ? seen.linesPrinted : 0);
      });
    });
  });
}
