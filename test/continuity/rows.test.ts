// What may happen between a notebook and its kernel, a row each, and what becomes of it here. test/soak/stock.test.ts takes
// the same steps with stock Jupyter.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { missingJupyter } from '../helpers/jupyter-gateway.ts';
import { until } from '../helpers/until.ts';
import type { RowWorld } from './row-world.ts';
import { rowWorldOf } from './row-world.ts';
import { cutWhileACellRuns, runAll, sentWhileCut, twoTabs } from './rows/cuts.ts';
import {
  creationTriedAgain,
  diesWithCellsWaiting,
  restartWithCellsWaiting,
  uiEnds,
} from './rows/kernels.ts';
import { askKernel, begin, endOf, openNotebook, pass, textOf } from './rows/look.ts';
import type { GoneOnSeen } from './rows/programs.ts';
import { overtaken, typedBeforeTheClientDied, whileACellRuns } from './rows/programs.ts';
import type { World } from './world.ts';
import { startWorld } from './world.ts';

const TIME_SCALE = 0.1;
const REFUSED = { kind: 'refused' } as const;
const DROPPED = { kind: 'dropped' } as const;

const skip = missingJupyter();

describe('a kernel here', { skip, concurrency: 3 }, () => {
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
    const when = fault ? `that is ${fault.kind === 'held' ? 'held up' : 'cut'} on its way` : '';
    row(`runs nothing of a Run All ${when} behind a cell that fails`, async (world) => {
      const fates = ['ok', 'error', 'aborted', 'aborted'];
      assert.deepEqual(await runAll(world, fault), { fates, ran: '[1]' });
    });
  }

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

function row(name: string, steps: (row: RowWorld, world: World) => Promise<void>): void {
  it(name, async () => {
    const world = await startWorld({ timeScale: TIME_SCALE });
    try {
      await steps(rowWorldOf(world, TIME_SCALE), world);
    } finally {
      await world.end();
    }
  });
}

function assertWhole(seen: GoneOnSeen): void {
  const { result, lines, linesPrinted, goesOn } = seen;
  assert.ok(typeof result === 'object', 'the cell was not answered');
  const { status, duplicates } = result;
  const expected = { status: 'ok', duplicates: 0, lines: linesPrinted, goesOn: true };
  assert.deepEqual({ status, duplicates, lines, goesOn }, expected);
}
