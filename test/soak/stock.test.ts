// What stock Jupyter does when its connection is cut, by the same steps as our own rows: its server with --gateway-url, its
// gateway, JupyterLab's client. stock-kernels.test.ts has the rows without a cut.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cutWhileACellRuns, runAll, sentWhileCut, twoTabs } from '../continuity/rows/cuts.ts';
import { RELEASES, inStock } from '../continuity/stock-releases.ts';

/** Whatever listens at the near end of the way says that there is nobody at the other, as a tunnel does. */
const REFUSED = { kind: 'refused' } as const;
/** Nobody says anything, as when a laptop changes its network or a router forgets a connection. */
const DROPPED = { kind: 'dropped' } as const;

for (const release of RELEASES) {
  const isOld = release === '1.23';

  describe(`stock Jupyter ${release}`, { concurrency: 2 }, () => {
    const outcome = isOld ? 'takes its kernel for gone, which runs on' : 'recovers';
    it(`${outcome} when the connection is refused for 10 s`, async (t) => {
      const seen = await inStock(t, release, (world) => cutWhileACellRuns(world, 10, REFUSED));
      if (!seen) return;
      const { recovers, page, fate, lines, linesPrinted } = seen;
      assert.equal(recovers, !isOld);
      if (isOld) assert.equal(page, 'no kernel');
      else assert.deepEqual({ fate, lines }, { fate: 'ok', lines: linesPrinted });
    });

    it('is dead when packets are lost for 10 s, and says that it is connected', async (t) => {
      const seen = await inStock(t, release, (world) => cutWhileACellRuns(world, 10, DROPPED));
      if (seen) assertDead(seen);
    });

    it('is dead in the same tab after 75 s', async (t) => {
      const seen = await inStock(t, release, (world) => cutWhileACellRuns(world, 75, REFUSED));
      if (!seen) return;
      if (!isOld) assertDead(seen);
      else assert.deepEqual([seen.recovers, seen.page], [false, 'no kernel']);
    });

    it('loses a cell that is sent while packets are lost, and says nothing', async (t) => {
      const seen = await inStock(t, release, (world) => sentWhileCut(world, DROPPED));
      if (seen) assert.deepEqual(seen, { fate: 'never', ran: 0 });
    });

    it(`${isOld ? 'loses' : 'runs'} a cell that is sent while the connection is refused`, async (t) => {
      const seen = await inStock(t, release, (world) => sentWhileCut(world, REFUSED));
      if (seen) assert.equal(seen.ran, isOld ? 0 : 1);
    });

    it('misses output in one of two tabs with the same notebook after a cut', async (t) => {
      const seen = await inStock(t, release, (world) => twoTabs(world, REFUSED));
      if (!seen) return;
      const whole = seen.shown.filter(({ lines }) => lines === seen.linesPrinted);
      assert.ok(whole.length < 2, JSON.stringify(seen));
    });

    it('runs the cells of a Run All behind one that fails, if they were held up on the way', async (t) => {
      const calm = await inStock(t, release, (world) => runAll(world, undefined));
      if (!calm) return;
      assert.deepEqual(calm, { fates: ['ok', 'error', 'aborted', 'aborted'], ran: '[1]' });
      const seen = await inStock(t, release, (world) => runAll(world, { kind: 'held' }));
      assert.deepEqual(seen, { fates: ['ok', 'error', 'ok', 'ok'], ran: '[1, 3, 4]' });
    });
  });
}

function assertDead(seen: Awaited<ReturnType<typeof cutWhileACellRuns>>): void {
  assert.equal(seen.recovers, false);
  assert.equal(seen.fate, 'never');
  assert.ok(seen.page !== 'no kernel');
  assert.deepEqual([seen.page.status, seen.page.connection], ['busy', 'connected']);
}
