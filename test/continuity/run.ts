// One run of the notebook in a world of its own: undisturbed, or under the schedule of a seed. What the continuity tests,
// the short one and the long one, are made of.
import { CELLS, notebook } from './notebook.ts';
import type { Containers } from './containers.ts';
import type { Played } from './play.ts';
import { playNotebook } from './play.ts';
import type { Befallen, Bounds, Kill } from './schedule.ts';
import { befall } from './schedule.ts';
import type { World } from './world.ts';
import { startWorld } from './world.ts';

export interface RunOptions {
  timeScale: number;
  bounds: Bounds;
  patience: { lost: number; any: number };
  containers?: Containers;
}

export interface Run {
  played: Played;
  befallen: Befallen[];
}

/** @param seed of what happens meanwhile; nothing does without it */
export async function runNotebook(options: RunOptions, seed?: number): Promise<Run> {
  const { timeScale, containers } = options;
  const world = await startWorld({ timeScale, ...(containers ? { containers } : {}) });
  try {
    return await runIn(world, options, seed);
  } finally {
    await world.end();
  }
}

async function runIn(world: World, { bounds, patience }: RunOptions, seed?: number): Promise<Run> {
  const tab = await world.openTab();
  await tab.open('a-notebook.ipynb');
  const kills: Kill[] = [];
  const isThrough = new AbortController();
  const befalling = seed === undefined ? [] : befall(world, seed, bounds, isThrough.signal, kills);
  try {
    const played = await playNotebook({ tab, kills, patience }, notebook());
    isThrough.abort();
    return { played, befallen: await befalling };
  } catch (error) {
    isThrough.abort();
    const befallen = await Promise.resolve(befalling).catch((reason: unknown) => reason);
    throw new Error(accountOf(world, befallen), { cause: error });
  }
}

/** What somebody wants to see who has only the seed. */
function accountOf(world: World, befallen: unknown): string {
  return [
    `the notebook of ${CELLS} cells did not come to its end`,
    JSON.stringify(befallen),
    ...['the relay:', ...world.relay.lines.slice(-20)],
    ...['the agent:', ...world.agent.lines.slice(-20)],
  ].join('\n');
}
