// A Jupyter of the user's own on the relay of `connect`, whose connection is cut for longer than 15 s: JupyterLab comes back
// as the same front-end, the classic notebook's server never says who it is.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inOwn } from '../continuity/own-jupyter-world.ts';
import { cutWhileACellRuns } from '../continuity/rows/cuts.ts';

describe('a Jupyter of one’s own after a cut of 75 s', () => {
  for (const kind of ['classic', 'lab'] as const) {
    const what = kind === 'lab' ? 'JupyterLab shows all' : 'the classic notebook misses the end';
    it(`${what} of the cell that ran meanwhile`, async (t) => {
      await inOwn(t, kind, async (world) => {
        const seen = await cutWhileACellRuns(world, 75, { kind: 'dropped' });
        assert.equal(seen.recovers, true);
        assert.equal(seen.fate, kind === 'lab' ? 'ok' : 'never');
        assert.equal(seen.lines, kind === 'lab' ? seen.linesPrinted : 0);
      });
    });
  }
});
