// The promise of the project with gateway and agent in their containers: what befalls them there, docker does. More schedules:
// CONTINUITY_SCHEDULES, from CONTINUITY_SEED on.
import { describe, it, type TestContext } from 'node:test';
import type { Played } from '../continuity/play.ts';
import { runNotebook, type RunOptions } from '../continuity/run.ts';
import { assertSame, assertUndisturbed } from '../continuity/same.ts';
import { agentImage } from './agent-container.ts';
import { requireEngine } from './engine.ts';
import { gatewayImage } from './gateway-container.ts';

const COUNT = Number(process.env['CONTINUITY_SCHEDULES'] ?? 2);
const FIRST_SEED = Number(process.env['CONTINUITY_SEED'] ?? 1);
/** The first that needs the images may build them. */
const limits = { timeout: 1_800_000, concurrency: 2 };

describe('a notebook of 200 cells whose kernel is in a container', limits, () => {
  let options: Promise<RunOptions> | undefined;
  let undisturbed: Promise<Played> | undefined;

  for (let seed = FIRST_SEED; seed < FIRST_SEED + COUNT; seed += 1) {
    it(`comes to the same under the schedule of seed ${seed}`, async (t) => {
      if (!requireEngine(t)) return;
      const run = await (options ??= runOptions(t));
      const expected = await (undisturbed ??= playUndisturbed(run));
      const { played } = await runNotebook(run, seed);
      assertSame(played, expected);
    });
  }
});

async function runOptions(t: TestContext): Promise<RunOptions> {
  const docker = requireEngine(t);
  if (!docker) throw new Error('there was an engine a moment ago');
  const images = { gateway: await gatewayImage(docker), agent: await agentImage(docker) };
  return {
    timeScale: 0.1,
    bounds: { longestMilliseconds: 1_000, longestCalmMilliseconds: 1_500, most: 11 },
    patience: { lost: 5_000, any: 120_000 },
    containers: { docker, images },
  };
}

async function playUndisturbed(options: RunOptions): Promise<Played> {
  const { played } = await runNotebook(options);
  assertUndisturbed(played);
  return played;
}
