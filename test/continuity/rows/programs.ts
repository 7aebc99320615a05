// Rows about programs of ours that end, and the machine that sleeps: only our own world has them.
import { setTimeout as delay } from 'node:timers/promises';
import { kernelsOf } from '../../helpers/jupyter-front-end.ts';
import type { CellResult } from '../tab-calls.ts';
import type { RowWorld } from '../row-world.ts';
import type { World } from '../world.ts';
import type { Fate } from './look.ts';
import {
  askKernel,
  begin,
  endOf,
  fateOf,
  isAnswered,
  linesOf,
  openNotebook,
  pass,
  textOf,
} from './look.ts';

const LINES = 30;
const PATIENCE_MILLISECONDS = 30_000;

export interface GoneOnSeen {
  /** Of a cell that ran meanwhile. */
  result: CellResult | 'never' | 'cancelled';
  lines: number;
  linesPrinted: number;
  /** The page has its variables, and the kernel that it had. */
  goesOn: boolean;
  /** What the page has said of its connection. */
  connections: string[];
}

/** `happens` while a cell prints a line every tenth of a second. */
export async function whileACellRuns(
  world: RowWorld,
  happens: () => Promise<void>,
): Promise<GoneOnSeen> {
  const tab = await openNotebook(world);
  const { kernelId } = await tab.state();
  await tab.run({ code: 'import time\nkept = 6 * 7' });
  const code = `for number in range(${LINES}):\n    print('line', number, flush=True)\n    time.sleep(0.1)`;
  const cell = begin(tab, code);
  await delay(300);
  await happens();
  const result = await endOf(cell, PATIENCE_MILLISECONDS);
  const lines = typeof result === 'object' ? linesOf(textOf(result)) : 0;
  await isAnswered(world, tab, 60);
  const after = await tab.run({ code: 'print(kept)' });
  const state = await tab.state();
  const goesOn = textOf(after) === '42\n' && state.kernelId === kernelId;
  return { result, lines, linesPrinted: LINES, goesOn, connections: await tab.connections() };
}

export interface TypedBeforeSeen {
  results: Fate[];
  /** What the kernel has written down. */
  ran: string;
  kernels: number;
}

/** Cells are typed during a cut; then the client program is killed, and started again when the way is there. */
export async function typedBeforeTheClientDied(world: RowWorld): Promise<TypedBeforeSeen> {
  const tab = await openNotebook(world);
  await tab.run({ code: 'ran = []' });
  await world.cut({ kind: 'refused' });
  const cells = [1, 2, 3].map((number) => begin(tab, `ran.append(${number})`));
  await pass(world, 5);
  await world.endUi('SIGKILL');
  await world.mend();
  await world.startUi();
  const results = await Promise.all(cells.map((cell) => fateOf(cell, PATIENCE_MILLISECONDS)));
  const ran = await askKernel(world, 'print(ran)');
  return { results, ran, kernels: (await kernelsOf(world.gateway)).length };
}

export interface OvertakenSeen {
  result: CellResult | 'never' | 'cancelled';
  ran: string;
}

/** Cells wait for a way while another page, on another machine, uses the same kernel. */
export async function overtaken(row: RowWorld, world: World): Promise<OvertakenSeen> {
  const tab = await openNotebook(row);
  await tab.run({ code: 'ran = []' });
  await row.cut({ kind: 'refused' });
  const cell = begin(tab, "ran.append('late')");
  // Not scaled: the agent's own measure of what has waited too long to go first.
  await delay(10_500);
  const elsewhere = await openNotebook({ openTab: () => world.openTabElsewhere() });
  await elsewhere.run({ code: "ran.append('elsewhere')" });
  await row.mend();
  const result = await endOf(cell, PATIENCE_MILLISECONDS);
  return { result, ran: await askKernel(row, 'print(ran)') };
}
