// The containers of a suspended instance. One that runs is paused. One that has ended and waits for its next start, as its
// policy says, cannot be: its wait is given up, and at the resume it starts.
import { setTimeout as delay } from 'node:timers/promises';
import { EngineError, type Engine } from './engine.ts';
import { ofInstance } from './labels.ts';
import { listContainers } from './list-containers.ts';

export interface FrozenContainers {
  /** Returns when none of them runs, or is about to. */
  freeze(leash: string): Promise<void>;
  thaw(leash: string): Promise<void>;
}

const ROUNDS = 100;
const PAUSE_MILLISECONDS = 50;

export function createFrozenContainers(engine: Engine): FrozenContainers {
  /** By leash: what was about to start. A suspended instance does not outlive its emulator. */
  const waiting = new Map<string, Set<string>>();
  const list = (leash: string, status: string) =>
    listContainers(engine, ofInstance(leash), '--filter', `status=${status}`);
  return {
    async freeze(leash) {
      const stopped = new Set<string>();
      waiting.set(leash, stopped);
      let said = '';
      // Each look may miss what ends, or starts, meanwhile: the next one sees it.
      for (let round = 0; round < ROUNDS; round += 1) {
        const running = await list(leash, 'running');
        const restarting = await list(leash, 'restarting');
        if (running.length + restarting.length === 0) return;
        for (const id of restarting) stopped.add(id);
        said = await attempt(engine, 'pause', running);
        said = (await attempt(engine, 'kill', restarting)) || said;
        await delay(PAUSE_MILLISECONDS);
      }
      throw new EngineError(`The containers of ${leash} cannot be paused. ${said}`);
    },
    async thaw(leash) {
      const paused = await list(leash, 'paused');
      if (paused.length > 0) await engine.run(['unpause', ...paused]);
      const stopped = [...(waiting.get(leash) ?? [])];
      waiting.delete(leash);
      // It may have ended again, or be one that cannot start: as on a machine, that is no failure of the resume.
      await attempt(engine, 'start', stopped);
    },
  };
}

/** What has changed since it was listed fails, and is looked at again. @returns what docker said then */
async function attempt(engine: Engine, verb: string, ids: readonly string[]): Promise<string> {
  if (ids.length === 0) return '';
  return await engine.run([verb, ...ids]).then(() => '', String);
}
