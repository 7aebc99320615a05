// What befalls a world while a notebook runs, drawn from a seed: cuts of either way in all their kinds, restarts and
// deaths of relay and agent, a machine that is suspended.
import { setTimeout as delay } from 'node:timers/promises';
import { assertNever } from '../../client/errors.ts';
import { randomNumbers, shuffled } from '../helpers/random-numbers.ts';
import type { Fault } from './way.ts';
import type { World } from './world.ts';

export type Misfortune = { forMilliseconds: number } & (
  | { kind: 'cut'; place: 'nearWay' | 'farWay'; fault: Fault }
  | { kind: 'restart'; part: 'agent' | 'relay'; signal: 'SIGTERM' | 'SIGKILL' }
  | { kind: 'suspend' }
);

export interface Bounds {
  /** How long a cut or a pause may last, and what lies between two. */
  longestMilliseconds: number;
  longestCalmMilliseconds: number;
  /** After so many nothing happens any more. */
  most: number;
}

export interface Befallen {
  misfortune: Misfortune;
  from: number;
  until: number;
}

/** When a program was killed: what was under way then may be in doubt. */
export interface Kill {
  part: 'agent' | 'relay';
  from: number;
  until: number;
}

/** Plays it until `signal` says that the notebook is through; then everything is as it was. */
export async function befall(
  world: World,
  seed: number,
  bounds: Bounds,
  signal: AbortSignal,
  kills: Kill[],
): Promise<Befallen[]> {
  const random = randomNumbers(seed);
  const befallen: Befallen[] = [];
  let deck: Misfortune[] = [];
  while (await isStillOn(random(bounds.longestCalmMilliseconds), signal)) {
    if (befallen.length === bounds.most) break;
    if (deck.length === 0) deck = shuffled(kindsOf(random, bounds), random);
    const misfortune = deck.pop();
    if (!misfortune) break;
    const one = { misfortune, from: Date.now(), until: Infinity };
    befallen.push(one);
    await play(world, misfortune, kills);
    one.until = Date.now();
  }
  return befallen;
}

/** One of each kind, so that a single schedule already meets most of them. */
function kindsOf(random: (below: number) => number, bounds: Bounds): Misfortune[] {
  const place = () => (random(2) === 0 ? 'nearWay' : 'farWay');
  const faults: Fault[] = [
    { kind: 'refused' },
    { kind: 'reset' },
    { kind: 'dropped' },
    { kind: 'held' },
    { kind: 'brokenWhileConnecting', bytes: random(1_500) },
    { kind: 'slow', milliseconds: random(100) },
  ];
  const kinds = [
    ...faults.map((fault) => ({ kind: 'cut', place: place(), fault }) as const),
    { kind: 'restart', part: 'relay', signal: 'SIGTERM' } as const,
    { kind: 'restart', part: 'relay', signal: 'SIGKILL' } as const,
    { kind: 'restart', part: 'agent', signal: 'SIGTERM' } as const,
    { kind: 'restart', part: 'agent', signal: 'SIGKILL' } as const,
    { kind: 'suspend' } as const,
  ];
  return kinds.map((kind) => ({ ...kind, forMilliseconds: random(bounds.longestMilliseconds) }));
}

async function play(world: World, misfortune: Misfortune, kills: Kill[]): Promise<void> {
  const { forMilliseconds } = misfortune;
  switch (misfortune.kind) {
    case 'cut':
      await world[misfortune.place].cut(misfortune.fault);
      await delay(forMilliseconds);
      await world[misfortune.place].mend();
      return;
    case 'restart': {
      const { part, signal } = misfortune;
      const kill: Kill = { part, from: Date.now(), until: Infinity };
      if (signal === 'SIGKILL') kills.push(kill);
      await world[part].end(signal);
      await delay(forMilliseconds);
      await world[part].start();
      kill.until = Date.now();
      return;
    }
    case 'suspend':
      await world.suspend();
      await delay(forMilliseconds);
      await world.resume();
      return;
    default:
      assertNever(misfortune);
  }
}

async function isStillOn(milliseconds: number, signal: AbortSignal): Promise<boolean> {
  await delay(milliseconds, undefined, { signal }).catch(() => undefined);
  return !signal.aborted;
}
