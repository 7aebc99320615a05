// The promise of the project: a notebook of 200 cells comes to the same whatever happens to the way between it and its
// kernel. CONTINUITY_SCHEDULES schedules from CONTINUITY_SEED on, with everything scaled down.
import { before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { missingJupyter } from '../helpers/jupyter-gateway.ts';
import { CELLS } from '../continuity/notebook.ts';
import type { Played } from '../continuity/play.ts';
import type { RunOptions } from '../continuity/run.ts';
import { runNotebook } from '../continuity/run.ts';
import { assertSame } from '../continuity/same.ts';

const SCHEDULES = Number(process.env['CONTINUITY_SCHEDULES'] ?? 8);
const FIRST_SEED = Number(process.env['CONTINUITY_SEED'] ?? 1);

const OPTIONS: RunOptions = {
  timeScale: 0.1,
  bounds: { longestMilliseconds: 1_000, longestCalmMilliseconds: 1_500, most: 11 },
  patience: { lost: 5_000, any: 60_000 },
};

const skip = missingJupyter();

describe('a notebook of 200 cells', { skip, concurrency: 2 }, () => {
  let undisturbed: Played;

  before(async () => {
    ({ played: undisturbed } = await runNotebook(OPTIONS));
    assert.equal(undisturbed.cells.size, CELLS);
    assertSame(undisturbed, undisturbed);
  });

  for (let index = 0; index < SCHEDULES; index += 1) {
    const seed = FIRST_SEED + index;
    it(`comes to the same under the schedule of seed ${seed}`, async () => {
      const { played } = await runNotebook(OPTIONS, seed);
      assertSame(played, undisturbed);
    });
  }
});
