// How a row looks at what has become of a tab and its cells.
import { setTimeout as delay } from 'node:timers/promises';
import { inTime } from '../../helpers/in-time.ts';
import { kernelsOf, run } from '../../helpers/jupyter-front-end.ts';
import type { Tab } from '../tab.ts';
import type { CellResult, TabState } from '../tab-calls.ts';
import type { RowWorld } from '../row-world.ts';

export const NOTEBOOK = 'a-notebook.ipynb';

/** What became of a cell: `never` as long as anybody would wait, `cancelled` by the front-end itself. */
export type Fate = CellResult['status'] | 'never' | 'cancelled';

/** For a cell that takes no time, with a machine that is busy. */
const CELL_MILLISECONDS = 3_000;
const OPEN_SECONDS = 90;
const LEAST_PATIENCE_MILLISECONDS = 15_000;

export async function openNotebook(world: Pick<RowWorld, 'openTab'>): Promise<Tab> {
  const tab = await world.openTab();
  await inTime('a notebook that is open, with its kernel', tab.open(NOTEBOOK), OPEN_SECONDS);
  return tab;
}

/** A time in life. */
export async function pass(world: RowWorld, seconds: number): Promise<void> {
  await delay(seconds * 1000 * world.timeScale);
}

/** Begins a cell; what becomes of it is asked later. */
export function begin(tab: Tab, code: string): Promise<CellResult> {
  const cell = tab.run({ code });
  cell.catch(() => undefined);
  return cell;
}

/** Sends cells until one is answered, for so many seconds in life. Whatever was sent before is answered by then, or never. */
export async function isAnswered(world: RowWorld, tab: Tab, seconds: number): Promise<boolean> {
  const patience = Math.max(seconds * 1000 * world.timeScale, LEAST_PATIENCE_MILLISECONDS);
  for (const end = performance.now() + patience; performance.now() < end;) {
    const fate = await fateOf(tab.run({ code: '', stopsOnError: false }));
    if (fate === 'ok') return true;
    await delay(100);
  }
  return false;
}

export async function fateOf(
  cell: Promise<CellResult>,
  milliseconds = CELL_MILLISECONDS,
): Promise<Fate> {
  const result = await endOf(cell, milliseconds);
  return typeof result === 'object' ? result.status : result;
}

/** What it has come to, if it has. */
export async function endOf(
  cell: Promise<CellResult>,
  milliseconds = CELL_MILLISECONDS,
): Promise<CellResult | 'never' | 'cancelled'> {
  const waiting = new AbortController();
  const patience = delay(milliseconds, 'never' as const, { signal: waiting.signal });
  try {
    return await Promise.race([cell.catch(() => 'cancelled' as const), patience]);
  } finally {
    waiting.abort();
    patience.catch(() => undefined);
  }
}

export type Page = TabState | 'no kernel';

/** What it says of its kernel. */
export async function pageOf(tab: Tab): Promise<Page> {
  return await tab.state().catch(() => 'no kernel');
}

/** What the notebook's kernel itself says. */
export async function askKernel({ gateway }: RowWorld, code: string): Promise<string> {
  const [kernel] = await kernelsOf(gateway);
  if (kernel === undefined) throw new Error('the kernel is gone');
  return (await run(gateway, kernel, code)).trim();
}

export function textOf(result: CellResult): string {
  return result.outputs
    .filter(([type]) => type === 'stdout')
    .map(([, text]) => String(text))
    .join('');
}

export function linesOf(text: string): number {
  return text.split('\n').length - 1;
}

/** How much of what was printed is there: long texts come as their length. */
export function lengthOf(result: CellResult): number {
  const text = textOf(result);
  const [, length] = /^(\d+) characters, /.exec(text) ?? [];
  return length === undefined ? text.length : Number(length);
}
