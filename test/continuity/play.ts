// Plays a notebook in a tab as a patient person does: waits for what comes, connects again where JupyterLab has given up,
// and runs a cell again only if a program was killed around it and it was lost, or said that its outcome is unknown.
import { setTimeout as delay } from 'node:timers/promises';
import type { Cell, Group } from './notebook.ts';
import { LEDGER, SETUP } from './notebook.ts';
import type { Kill } from './schedule.ts';
import type { Tab } from './tab.ts';
import type { CellResult, Output } from './tab-calls.ts';

export interface Played {
  cells: Map<number, PlayedCell>;
  /** What the kernel has written down: number and attempt of every cell that began, in order. */
  ledger: [number: number, attempt: number][];
  /** What the kernel's own comms were answered. */
  told: number[];
  /** What the kernel's own comms have said. */
  heard: Output[];
}

export interface PlayedCell {
  result: CellResult;
  attempts: number;
  /** A program was killed while this was under way. */
  killed: Kill['part'] | undefined;
}

export interface Player {
  tab: Tab;
  kills: readonly Kill[];
  /** How long a cell that may have been lost is waited for, and how long any other. */
  patience: { lost: number; any: number };
}

/** What was sent shortly before a program died may not have reached it. */
const MARGIN_MILLISECONDS = 1_500;
const LOOK_MILLISECONDS = 200;

export async function playNotebook(player: Player, notebook: readonly Group[]): Promise<Played> {
  const { tab } = player;
  const stopped = new AbortController();
  const watching = keepConnected(tab, stopped.signal);
  try {
    await certainly(player, SETUP);
    const cells = new Map<number, PlayedCell>();
    for (const group of notebook) await playGroup(player, group, cells);
    const written = await certainly(player, LEDGER);
    const [ledger, told] = JSON.parse(String(written.outputs[0]?.[1])) as [
      [number, number][],
      number[],
    ];
    return { cells, ledger, told, heard: await tab.heard() };
  } finally {
    stopped.abort();
    await watching;
  }
}

async function playGroup(player: Player, group: Group, cells: Map<number, PlayedCell>) {
  const first = await Promise.all(group.map((cell) => attempt(player, cell, 1)));
  let isInDoubt = false;
  for (const [index, cell] of group.entries()) {
    let played = first[index];
    for (let number = 2; played === undefined || isToRepeat(played, isInDoubt); number += 1) {
      isInDoubt = true;
      if (number > 4) throw new Error(`cell ${cell.number} is in doubt again and again`);
      played = await attempt(player, cell, number);
    }
    cells.set(cell.number, played);
  }
}

/** What follows a cell in doubt was aborted with it. */
function isToRepeat({ result, killed }: PlayedCell, isInDoubt: boolean): boolean {
  if (isInDoubt && result.status === 'aborted') return true;
  return (
    killed !== undefined && ['OutcomeUnknown', 'KeyboardInterrupt'].includes(result.name ?? '')
  );
}

/** @returns `undefined` when it was lost, which only what a kill may have hit can be */
async function attempt(
  player: Player,
  cell: Cell,
  number: number,
): Promise<PlayedCell | undefined> {
  const from = Date.now();
  const killed = () => player.kills.find(({ until }) => until + MARGIN_MILLISECONDS > from);
  const done = new AbortController();
  const waiting = waitFor(player, cell, from, done.signal);
  try {
    const result = await send(player.tab, cell, number);
    return { result, attempts: number, killed: killed()?.part };
  } catch (error) {
    if (killed() === undefined) throw error;
    return undefined;
  } finally {
    done.abort();
    await waiting;
  }
}

async function send(tab: Tab, cell: Cell, number: number): Promise<CellResult> {
  if (cell.bytes === undefined) {
    const typed = cell.answer === undefined ? {} : { answer: cell.answer };
    return await tab.run({ code: cell.code(number), ...typed });
  }
  const { hears } = await tab.say(cell.number, cell.bytes);
  const nothing = { name: undefined, text: undefined, executionCount: null, duplicates: 0 };
  return { ...nothing, status: 'ok', outputs: hears };
}

/** Ends the waiting for what does not come: with an interrupt, and then for good. */
async function waitFor(player: Player, cell: Cell, from: number, done: AbortSignal) {
  const { tab, kills, patience } = player;
  let isInterrupted = false;
  while (await isStillWanted(LOOK_MILLISECONDS, done)) {
    const last = kills.filter((kill) => kill.until > from - MARGIN_MILLISECONDS).at(-1);
    const limit = last ? patience.lost : patience.any;
    const waited = Date.now() - Math.max(from, last?.until ?? 0);
    if (waited < limit) continue;
    if (!last) await tab.forget(`cell ${cell.number} has not ended within ${limit} ms`);
    else if (isInterrupted) await tab.forget(`cell ${cell.number} was lost`);
    else await tab.interrupt().catch(() => undefined);
    isInterrupted = true;
    await isStillWanted(patience.lost, done);
  }
}

/** Nothing that is in doubt: it is run until it has run. */
async function certainly(player: Player, code: string): Promise<CellResult> {
  for (;;) {
    const cell: Cell = { number: 0, code: () => code };
    const played = await attempt(player, cell, 1);
    if (played?.result.status === 'ok') return played.result;
    if (played && !played.killed) throw new Error(`${played.result.name}: ${played.result.text}`);
  }
}

/** JupyterLab gives up after some attempts, and at once when a server says goodbye; its menu connects again. */
async function keepConnected(tab: Tab, stopped: AbortSignal): Promise<void> {
  while (await isStillWanted(LOOK_MILLISECONDS, stopped)) {
    const { connection } = await tab.state();
    if (connection === 'disconnected') await tab.reconnect().catch(() => undefined);
  }
}

/** Whether it is, after that time; at once when it is not. */
async function isStillWanted(milliseconds: number, ended: AbortSignal): Promise<boolean> {
  await delay(milliseconds, undefined, { signal: ended }).catch(() => undefined);
  return !ended.aborted;
}
