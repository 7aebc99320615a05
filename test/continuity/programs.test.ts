// What may happen to the programs between a notebook and its kernel, and to their machines, a row each, and what becomes of
// it here; cuts.test.ts has the cuts. test/soak/stock-kernels.test.ts takes the same steps with stock Jupyter.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { describe } from 'node:test';
import { missingJupyter } from '../helpers/jupyter-gateway.ts';
import { until } from '../helpers/until.ts';
import { assertWhole, rowsOf } from './rows-of.ts';
import {
  creationTriedAgain,
  diesWithCellsWaiting,
  restartWithCellsWaiting,
  uiEnds,
} from './rows/kernels.ts';
import { askKernel, begin, endOf, openNotebook, pass, textOf } from './rows/look.ts';
import { overtaken, typedBeforeTheClientDied, whileACellRuns } from './rows/programs.ts';

describe('a kernel here', { skip: missingJupyter(), concurrency: true }, () => {
  rowsOf('and what shows its notebook', (row) => {
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      const end = signal === 'SIGTERM' ? 'is stopped' : 'is killed';
      row(`goes on, and is its notebook’s, when what shows the notebook ${end}`, async (world) => {
        const seen = await uiEnds(world, signal);
        assert.deepEqual(seen, { kernelsLeft: 1, isSameKernel: true, kernelsThen: 1 });
      });
    }

    row('answers cells that wait when another page restarts it', async (world) => {
      const { fates } = await restartWithCellsWaiting(world, true);
      assert.deepEqual(fates.slice(1), ['aborted', 'aborted']);
      assert.notEqual(fates[0], 'never');
    });

    row('answers cells that wait when it dies', async (world) => {
      const { fates, isAnsweredThen } = await diesWithCellsWaiting(world);
      assert.ok(!fates.includes('never'), fates.join());
      assert.ok(isAnsweredThen);
    });

    row('is made once when the answer to the first request was lost', async (world) => {
      assert.deepEqual(await creationTriedAgain(world), { isRefused: false, kernels: 1 });
    });

    row('runs what was typed before the client program was killed, once', async (world) => {
      const seen = await typedBeforeTheClientDied(world);
      assert.deepEqual(seen, { results: ['ok', 'ok', 'ok'], ran: '[1, 2, 3]', kernels: 1 });
    });
  });

  rowsOf('and what it depends on', (row) => {
    row('does not notice that the agent is stopped and started', async (row, world) => {
      const seen = await whileACellRuns(row, async () => {
        await world.agent.end('SIGTERM');
        await world.agent.start();
      });
      assertWhole(seen);
    });

    row('lives on when the agent is killed, and says what is not known', async (row, world) => {
      const seen = await whileACellRuns(row, async () => {
        await world.agent.end('SIGKILL');
        await world.agent.start();
      });
      assert.ok(seen.goesOn);
      assert.ok(typeof seen.result === 'object');
      const { status, name } = seen.result;
      assert.ok(status === 'ok' || name === 'OutcomeUnknown', JSON.stringify(seen.result));
    });
  });

  rowsOf('and what it waits for', (row) => {
    row('recovers when its machine was suspended and resumed', async (row, world) => {
      const seen = await whileACellRuns(row, async () => {
        await world.suspend();
        await pass(row, 75);
        await world.resume();
      });
      assertWhole(seen);
    });

    row('aborts what has waited while another page used it, and says so', async (row, world) => {
      const { result, ran } = await overtaken(row, world);
      assert.equal(ran, "['elsewhere']");
      assert.ok(typeof result === 'object');
      assert.equal(result.status, 'aborted');
      assert.match(JSON.stringify(result.outputs), /another page used the kernel/);
    });

    row('waits for a sign-in that has expired, and goes on', async (row, world) => {
      const tab = await openNotebook(row);
      world.iap.accessToken = 'another';
      world.nearWay.drop();
      const said = (word: string) => world.relay.lines.some((line) => line.includes(word));
      await until('the terminal asks to sign in again', () => said('signInNeeded'));
      const cell = begin(tab, 'print(6 * 7)');
      await writeFile(world.signInFile, 'another');
      const result = await endOf(cell, 30_000);
      assert.ok(typeof result === 'object' && said('signedIn'));
      assert.equal(textOf(result), '42\n');
      assert.equal(await askKernel(row, 'print(1)'), '1');
    });
  });
});
