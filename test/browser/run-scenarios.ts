// Runs the scenarios on one kind of page: one gateway and agent, one browser, every scenario with pages of its own.
import type { TestContext } from 'node:test';
import { requireProgram } from '../helpers/requires.ts';
import { CHROMIUM, launchBrowser } from './chromium.ts';
import { lastFirst } from './last-first.ts';
import type { Scenario } from './scenarios.ts';
import type { PageKind } from './ui-path.ts';
import { requirePages } from './ui-path.ts';
import { startWorld } from './world.ts';

export interface Scenarios {
  /** Those that mostly wait: all at once. */
  together?: Readonly<Record<string, Scenario>>;
  /** Two at a time: there may be two processors. */
  inTurn?: Readonly<Record<string, Scenario>>;
}

export async function runScenarios(
  test: TestContext,
  kind: PageKind,
  { together = {}, inTurn = {} }: Scenarios,
  gatewayProgram?: string,
): Promise<void> {
  if (!requireProgram(test, 'jupyter-server') || !requireProgram(test, CHROMIUM)) return;
  const searchPath = requirePages(test, kind);
  if (searchPath === undefined) return;
  const t = lastFirst(test);
  const world = await startWorld(t, gatewayProgram);
  const browser = await launchBrowser();
  t.after(() => browser.close());
  const suite = { kind, searchPath, world, browser };
  const run = (name: string, scenario: Scenario) => test.test(name, (t) => scenario(t, suite));
  await Promise.all([
    ...Object.entries(together).map(([name, scenario]) => run(name, scenario)),
    inLanes(Object.entries(inTurn), ([name, scenario]) => run(name, scenario)),
  ]);
}

/** The last first: they take longest. */
async function inLanes<T>(items: readonly T[], run: (item: T) => Promise<unknown>): Promise<void> {
  const waiting = [...items];
  const lane = async () => {
    for (let item = waiting.pop(); item; item = waiting.pop()) await run(item);
  };
  await Promise.all([lane(), lane()]);
}
