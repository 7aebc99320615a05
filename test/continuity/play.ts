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
  /** What comes before the cells ran once: the kernel counts as it should. */
  isCounted: boolean;
  /** Attempts that were never answered. */
  lost: Lost[];
  /** What the kernel has written down: number and attempt of every cell that began, in order. */
  ledger: [number: number, attempt: number][];
  /** What the kernel's own comms were answered. */
  told: number[];
  /** What the kernel's own comms have said. */
  heard: Output[];
}

export interface PlayedCell {
  cell: Cell;
  result: CellResult;
  attempts: number;
  from: number;
  until: number;
  /** A program was killed while this was under way. */
  killed: Kill['part'] | undefined;
}

export interface Lost {
  cell: Cell;
  from: number;
  /** What was killed around it. */
  kills: readonly Kill[];
  /** It was given to a connection that was just ending: JupyterLab does not notice at once. */
  wasSwallowed: boolean;
}

export interface Player {
  tab: Tab;
  kills: readonly Kill[];
  /** How long a cell that may have been lost is waited for, and how long any other. */
  patience: { lost: number; any: number };
}

type Attempt = PlayedCell | Lost;

/** What was sent shortly before a program died may not have reached it. */
const MARGIN_MILLISECONDS = 1_500;
/** A page that is at work notices the end of its connection after this at the latest. */
const NOTICED_MILLISECONDS = 500;
const LOOK_MILLISECONDS = 200;
const MOST_ATTEMPTS = 4;

export async function playNotebook(player: Player, notebook: readonly Group[]): Promise<Played> {
  const { tab } = player;
  const stopped = new AbortController();
  const watching = keepConnected(tab, stopped.signal);
  try {
    const setUp = await certainly(player, SETUP);
    const cells = new Map<number, PlayedCell>();
    const lost: Lost[] = [];
    for (const group of notebook) await playGroup(player, group, cells, lost);
    const { result: written } = await certainly(player, LEDGER);
    const [ledger, told] = JSON.parse(String(written.outputs[0]?.[1])) as [
      [number, number][],
      number[],
    ];
    const isCounted = setUp.attempts === 1;
    return { cells, isCounted, lost, ledger, told, heard: await tab.heard() };
  } finally {
    stopped.abort();
    await watching;
  }
}

async function playGroup(
  player: Player,
  group: Group,
  cells: Map<number, PlayedCell>,
  lost: Lost[],
): Promise<void> {
  const first = await Promise.all(group.map((cell) => attempt(player, cell, 1)));
  let isInDoubt = false;
  for (const one of first) {
    let played = one;
    for (let number = 2; isLost(played) || isToRepeat(played, isInDoubt); number += 1) {
      if (isLost(played)) lost.push(played);
      isInDoubt = true;
      if (number > MOST_ATTEMPTS) throw new Error(`cell ${one.cell.number} is in doubt again`);
      played = await attempt(player, one.cell, number);
    }
    cells.set(one.cell.number, played);
    // What follows a cell that has failed for certain stays aborted, whatever came before it.
    if (one.cell.fails && played.result.name === 'ValueError') isInDoubt = false;
  }
}

function isLost(attempt: Attempt): attempt is Lost {
  return 'kills' in attempt;
}

/** What follows a cell in doubt was aborted with it. */
function isToRepeat({ result, killed }: PlayedCell, isInDoubt: boolean): boolean {
  if (isInDoubt && result.status === 'aborted') return true;
  // Nobody else interrupts, and the player only what waits for an answer that may be lost.
  if (result.name === 'KeyboardInterrupt') return true;
  return killed !== undefined && result.name === 'OutcomeUnknown';
}

/** What a kill may have hit may be lost, and what was given to a connection that was ending; nothing else. */
async function attempt(player: Player, cell: Cell, number: number): Promise<Attempt> {
  const from = Date.now();
  const answered = new AbortController();
  const sending = send(player.tab, cell, number);
  sending.catch(() => undefined);
  try {
    const waiting = untilHopeless(player, cell, from, answered.signal);
    const result = await Promise.race([sending, waiting]);
    const kills = killsSince(player, from);
    if (!result) return { cell, from, kills, wasSwallowed: await mayBeSwallowed(player, from) };
    return { cell, result, attempts: number, from, until: Date.now(), killed: partOf(kills) };
  } finally {
    answered.abort();
  }
}

/** Resolves when what was killed has taken it along: what was sent later has been answered. */
async function untilHopeless(player: Player, cell: Cell, from: number, answered: AbortSignal) {
  while (await isStillWanted(LOOK_MILLISECONDS, answered)) {
    const kills = killsSince(player, from);
    const isQuiet = kills.every(({ until }) => until < Date.now());
    const mayBeLost = kills.length > 0 || (await mayBeSwallowed(player, from));
    if (mayBeLost && isQuiet && (await isPassedBy(player, cell, answered))) return;
    if (Date.now() - from < player.patience.any) continue;
    throw new Error(`cell ${cell.number} was not answered in ${player.patience.any} ms`);
  }
}

async function isPassedBy(player: Player, cell: Cell, answered: AbortSignal): Promise<boolean> {
  const { tab, patience } = player;
  const limit = delay(patience.lost, 'tooLate' as const, { signal: answered });
  const first = await Promise.race([tab.probe(), limit]).catch(() => 'tooLate' as const);
  if (first !== 'tooLate') return await isStillWanted(LOOK_MILLISECONDS, answered);
  // What was typed is lost; the kernel waits for it.
  if (cell.answer !== undefined && !answered.aborted) await tab.interrupt().catch(() => undefined);
  return false;
}

async function mayBeSwallowed({ tab }: Player, from: number): Promise<boolean> {
  const ends = await tab.ends();
  return ends.some((end) => from <= end && end < from + NOTICED_MILLISECONDS);
}

function killsSince({ kills }: Player, from: number): Kill[] {
  return kills.filter(({ until }) => until + MARGIN_MILLISECONDS > from);
}

/** Of two, the agent: more may be missing then. */
function partOf(kills: readonly Kill[]): Kill['part'] | undefined {
  return kills.find(({ part }) => part === 'agent')?.part ?? kills[0]?.part;
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

/** Nothing that is in doubt: it is run until it has run. */
async function certainly(player: Player, code: string): Promise<PlayedCell> {
  for (let number = 1; ; number += 1) {
    const cell: Cell = { number: 0, code: () => code };
    const played = await attempt(player, cell, number);
    if (isLost(played)) continue;
    if (played.result.status === 'ok') return played;
    if (!played.killed) throw new Error(`${played.result.name}: ${played.result.text}`);
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
