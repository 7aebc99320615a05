// What may happen to the way between a notebook and its kernel, a row each, and what becomes of it here; programs.test.ts
// has the rest of the table. test/soak/stock.test.ts takes the same steps with stock Jupyter.
import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { missingJupyter } from '../helpers/jupyter-gateway.ts';
import { DROPPED, REFUSED, assertWhole, rowsOf } from './rows-of.ts';
import { cutWhileACellRuns, runAll, sentWhileCut, twoTabs } from './rows/cuts.ts';
import { openNotebook, pass } from './rows/look.ts';
import { whileACellRuns } from './rows/programs.ts';

describe('a kernel here', { skip: missingJupyter(), concurrency: 2 }, () => {
  rowsOf('over a short cut and a long one', (row) => {
    row('does not notice that the connection is cut for 10 s', async (world) => {
      const seen = await whileACellRuns(world, async () => {
        await world.cut(REFUSED);
        await pass(world, 10);
        await world.mend();
      });
      assertWhole(seen);
      assert.deepEqual(seen.connections, ['connected']);
    });

    row('runs a cell that is sent while the connection is cut, once', async (world) => {
      assert.deepEqual(await sentWhileCut(world, REFUSED), { fate: 'ok', ran: 1 });
    });

    row('runs a cell that is sent while packets are lost, once', async (world) => {
      assert.deepEqual(await sentWhileCut(world, DROPPED), { fate: 'ok', ran: 1 });
    });

    row('recovers by itself in the same tab after 75 s', async (world) => {
      const seen = await cutWhileACellRuns(world, 75, REFUSED);
      assert.deepEqual([seen.recovers, seen.fate, seen.lines], [true, 'ok', seen.linesPrinted]);
    });
  });

  rowsOf('over a night, and with much to say', (row) => {
    row(
      'recovers when a laptop has slept, and shows what was printed meanwhile',
      async (row, world) => {
        const seen = await whileACellRuns(row, async () => {
          const { processId } = world.relay;
          assert.ok(processId !== undefined);
          await row.cut(DROPPED);
          process.kill(processId, 'SIGSTOP');
          await pass(row, 60);
          process.kill(processId, 'SIGCONT');
          await row.mend();
        });
        assertWhole(seen);
      },
    );

    row('shows 40 MB in small lines, and one message of 12 MiB', async (world) => {
      const tab = await openNotebook(world);
      const lines = await tab.run({ code: "for _ in range(400):\n    print('x' * 99_999)" });
      assert.match(String(lines.outputs[0]?.[1]), /^40000000 characters/);
      const large = await tab.run({ code: "display({'text/plain': 'y' * 12 * 2**20}, raw=True)" });
      assert.match(JSON.stringify(large.outputs), /^\[\["display_data","1258\d{4} characters/);
    });

    row('shows each of two tabs with the same notebook all output after a cut', async (world) => {
      const seen = await twoTabs(world, REFUSED);
      const whole = { fate: 'ok', lines: seen.linesPrinted };
      assert.deepEqual(seen.shown, [whole, whole]);
      assert.deepEqual(seen.overheard, [seen.linesPrinted * 2, seen.linesPrinted * 2]);
    });

    for (const fault of [undefined, { kind: 'held' }, REFUSED] as const) {
      const way = fault ? ` that is ${fault.kind === 'held' ? 'held up' : 'cut'} on its way` : '';
      row(`runs nothing of a Run All${way} behind a cell that fails`, async (world) => {
        const fates = ['ok', 'error', 'aborted', 'aborted'];
        assert.deepEqual(await runAll(world, fault), { fates, ran: '[1]' });
      });
    }
  });
});
