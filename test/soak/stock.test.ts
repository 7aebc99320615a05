// What stock Jupyter does in the cases of our table, by the same steps as our own rows: its server with --gateway-url, its
// gateway, JupyterLab's client; in the releases of Debian 12 (jupyter-server 1.23) and 13 (2.15).
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { NATIVE_LAB, requireNewGateway } from '../browser/ui-path.ts';
import { cutWhileACellRuns, sentWhileCut } from '../continuity/rows/cuts.ts';
import type { RowWorld } from '../continuity/row-world.ts';
import { startStockWorld } from '../continuity/stock-world.ts';
import { findProgram, requireProgram } from '../helpers/requires.ts';

const TIME_SCALE = 0.3;

/** Whatever listens at the near end of the way says that there is nobody at the other, as a tunnel does. */
const REFUSED = { kind: 'refused' } as const;
/** Nobody says anything, as when a laptop changes its network or a router forgets a connection. */
const DROPPED = { kind: 'dropped' } as const;

for (const release of ['1.23', '2.15'] as const) {
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
  });
}

function assertDead(seen: Awaited<ReturnType<typeof cutWhileACellRuns>>): void {
  assert.equal(seen.recovers, false);
  assert.equal(seen.fate, 'never');
  assert.ok(seen.page !== 'no kernel');
  assert.deepEqual([seen.page.status, seen.page.connection], ['busy', 'connected']);
}

/** @returns undefined: the test is skipped */
async function inStock<Seen>(
  t: TestContext,
  release: '1.23' | '2.15',
  row: (world: RowWorld) => Promise<Seen>,
): Promise<Seen | undefined> {
  const program = release === '1.23' ? requireOldServer(t) : requireNewGateway(t);
  if (program === undefined) return undefined;
  const world = await startStockWorld({ timeScale: TIME_SCALE, program });
  try {
    return await row(world);
  } finally {
    await world.end();
  }
}

function requireOldServer(t: TestContext): string | undefined {
  if (findProgram(NATIVE_LAB) === undefined) {
    return requireProgram(t, '/usr/bin/jupyter-server') ? 'jupyter-server' : undefined;
  }
  t.skip('this Debian has a newer jupyter-server');
  return undefined;
}
