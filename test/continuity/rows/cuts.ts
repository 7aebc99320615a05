// Rows about a cut of the connection: the steps, and what there is to see afterwards.
import type { RowWorld } from '../row-world.ts';
import type { CellResult } from '../tab-calls.ts';
import type { Fault } from '../way.ts';
import type { Fate, Page } from './look.ts';
import {
  askKernel,
  begin,
  pageOf,
  endOf,
  fateOf,
  isAnswered,
  linesOf,
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
  const cell = begin(tab, printing(world, linesPrinted));
  await pass(world, 2);
  await world.cut(fault);
  await pass(world, seconds);
  await world.mend();
  const recovers = await isAnswered(world, tab, 60);
  const result = await endOf(cell);
  return { recovers, page: await pageOf(tab), ...shownOf(result), linesPrinted };
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

export interface RunAllSeen {
  fates: Fate[];
  /** The cells that ran to their end, says the kernel. */
  ran: string;
}

/** Of four cells the second fails; the last two are sent before anybody can know it. */
export async function runAll(world: RowWorld, fault: Fault | undefined): Promise<RunAllSeen> {
  const tab = await openNotebook(world);
  await tab.run({ code: 'import time\nran = []' });
  const step = (number: number, code = '') => begin(tab, `${code}\nran.append(${number})`);
  const first = [step(1, `time.sleep(${world.timeScale * 2})`), step(2, 'raise ValueError()')];
  await pass(world, 1);
  if (fault) await world.cut(fault);
  const last = [step(3), step(4)];
  await pass(world, 4);
  await world.mend();
  await isAnswered(world, tab, 60);
  const fates = await Promise.all([...first, ...last].map((cell) => fateOf(cell)));
  return { fates, ran: await askKernel(world, 'print(ran)') };
}

export interface Shown {
  fate: Fate;
  lines: number;
}

/**
 * The same notebook in two tabs, a cell of each: the first prints while the connection is cut, the second waits for it.
 * `overheard`: lines that each tab got, of both cells.
 */
export async function twoTabs(
  world: RowWorld,
  fault: Fault,
): Promise<{ shown: Shown[]; overheard: number[]; linesPrinted: number }> {
  const tabs = [await openNotebook(world), await openNotebook(world)];
  const linesPrinted = 8;
  const cells = tabs.map((tab) => begin(tab, printing(world, linesPrinted)));
  await pass(world, 2);
  await world.cut(fault);
  await pass(world, 10);
  await world.mend();
  await Promise.all(tabs.map((tab) => isAnswered(world, tab, 60)));
  const ends = await Promise.all(cells.map((cell) => endOf(cell)));
  const texts = await Promise.all(tabs.map((tab) => tab.overheard()));
  return { shown: ends.map(shownOf), overheard: texts.map(linesOf), linesPrinted };
}

/** A line each second. */
function printing({ timeScale }: RowWorld, lines: number): string {
  return `
import time
for number in range(${lines}):
    print('line', number, flush=True)
    time.sleep(${timeScale})
`;
}

function shownOf(result: CellResult | 'never' | 'cancelled'): Shown {
  if (typeof result !== 'object') return { fate: result, lines: 0 };
  return { fate: result.status, lines: linesOf(textOf(result)) };
}
