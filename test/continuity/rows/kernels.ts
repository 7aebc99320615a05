// Rows about kernels: who ends them, who makes a second one, and what becomes of cells and output. The steps, and what
// there is to see afterwards.
import { kernelsOf } from '../../helpers/jupyter-front-end.ts';
import type { RowWorld } from '../row-world.ts';
import type { Fate } from './look.ts';
import { NOTEBOOK, begin, endOf, fateOf, isAnswered, lengthOf, openNotebook } from './look.ts';

export interface UiEndsSeen {
  /** When it has ended. */
  kernelsLeft: number;
  /** When it was started again, and the notebook opened again. */
  isSameKernel: boolean;
  kernelsThen: number;
}

/** What is on the user's machine ends, and is started again. */
export async function uiEnds(world: RowWorld, signal: 'SIGTERM' | 'SIGKILL'): Promise<UiEndsSeen> {
  const tab = await world.openTab();
  const { kernelId } = await tab.open(NOTEBOOK);
  await world.endUi(signal);
  const kernelsLeft = (await kernelsOf(world.gateway)).length;
  await tab.close();
  await world.startUi();
  const again = await (await world.openTab()).open(NOTEBOOK);
  const kernelsThen = (await kernelsOf(world.gateway)).length;
  return { kernelsLeft, isSameKernel: again.kernelId === kernelId, kernelsThen };
}

/** A cell prints faster than 1 MB/s. */
export async function muchOutput(world: RowWorld): Promise<{ shown: number; printed: number }> {
  const tab = await openNotebook(world);
  const code = "import sys\nfor _ in range(200):\n    sys.stdout.write('x' * 49_999 + '\\n')";
  const result = await endOf(tab.run({ code }), 60_000);
  return { shown: typeof result === 'object' ? lengthOf(result) : NaN, printed: 10_000_000 };
}

/** Jupyter interrupts before it restarts: a cell that heeds that is answered, at times, and those behind it with it. */
const UNINTERRUPTED = `
import signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
time.sleep(600)
`;

/** Two cells wait behind one that runs when the kernel is restarted, in their tab or in another one. */
export async function restartWithCellsWaiting(
  world: RowWorld,
  isElsewhere: boolean,
): Promise<{ fates: Fate[] }> {
  const tab = await openNotebook(world);
  const restarting = isElsewhere ? await openNotebook(world) : tab;
  const cells = [begin(tab, UNINTERRUPTED), begin(tab, '1'), begin(tab, '2')];
  await restarting.restart();
  await isAnswered(world, tab, 60);
  return { fates: await Promise.all(cells.map((cell) => fateOf(cell))) };
}

/** Two cells wait behind one that makes its kernel die. */
export async function diesWithCellsWaiting(
  world: RowWorld,
): Promise<{ fates: Fate[]; isAnsweredThen: boolean }> {
  const tab = await openNotebook(world);
  const dying = 'import os, time\ntime.sleep(0.5)\nos.kill(os.getpid(), 9)';
  const cells = [begin(tab, dying), begin(tab, '1'), begin(tab, '2')];
  const fates = await Promise.all(cells.map((cell) => fateOf(cell, 30_000)));
  return { fates, isAnsweredThen: await isAnswered(world, tab, 60) };
}

/** A notebook is opened, the answer to the request for its kernel is lost, and whoever sees an error opens it again. */
export async function creationTriedAgain(
  world: RowWorld,
): Promise<{ isRefused: boolean; kernels: number }> {
  const tab = await world.openTab();
  const isLost = world.loseAnswer();
  const opened = tab.open(NOTEBOOK).then(
    () => true,
    () => false,
  );
  await isLost;
  await world.mend();
  const isRefused = !(await opened);
  if (isRefused) await tab.open(NOTEBOOK);
  return { isRefused, kernels: (await kernelsOf(world.gateway)).length };
}
