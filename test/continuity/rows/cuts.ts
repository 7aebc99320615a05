// Rows about a cut of the connection: the steps, and what there is to see afterwards.
import type { RowWorld } from '../row-world.ts';
import type { Fault } from '../way.ts';
import type { Fate, Page } from './look.ts';
import {
  askKernel,
  begin,
  pageOf,
  endOf,
  fateOf,
  isAnswered,
  openNotebook,
  pass,
  textOf,
} from './look.ts';

export interface CutSeen {
  /** A cell that is run afterwards is answered. */
  recovers: boolean;
  /** What the page says by then. */
  page: Page;
  /** Of a cell that ran meanwhile. */
  fate: Fate;
  lines: number;
  linesPrinted: number;
}

/** A cell prints a line every second while the connection is cut. */
export async function cutWhileACellRuns(
  world: RowWorld,
  seconds: number,
  fault: Fault,
): Promise<CutSeen> {
  const tab = await openNotebook(world);
  const linesPrinted = seconds + 4;
  const cell = begin(
    tab,
    `
import time
for number in range(${linesPrinted}):
    print('line', number, flush=True)
    time.sleep(${world.timeScale})
`,
  );
  await pass(world, 2);
  await world.cut(fault);
  await pass(world, seconds);
  await world.mend();
  const recovers = await isAnswered(world, tab, 60);
  const result = await endOf(cell);
  const lines = typeof result === 'object' ? textOf(result).split('\n').length - 1 : 0;
  const fate = typeof result === 'object' ? result.status : result;
  return { recovers, page: await pageOf(tab), fate, lines, linesPrinted };
}

export interface SentWhileCutSeen {
  fate: Fate;
  /** How often, says the kernel. */
  ran: number;
}

/** A cell is sent in the middle of a cut of nine seconds. */
export async function sentWhileCut(world: RowWorld, fault: Fault): Promise<SentWhileCutSeen> {
  const tab = await openNotebook(world);
  await tab.run({ code: 'ran = []' });
  await world.cut(fault);
  await pass(world, 4);
  const cell = begin(tab, 'ran.append(1)');
  await pass(world, 5);
  await world.mend();
  await isAnswered(world, tab, 60);
  return { fate: await fateOf(cell), ran: Number(await askKernel(world, 'print(len(ran))')) };
}
