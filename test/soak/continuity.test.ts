// The promise of the project, as often as CONTINUITY_SCHEDULES says, from CONTINUITY_SEED on: everything takes so much of
// its time in life as CONTINUITY_SCALE says (0.1 if nothing is said, 1 for cuts of up to two minutes).
import { testSchedules } from '../continuity/schedules.ts';

const SCALE = Number(process.env['CONTINUITY_SCALE'] ?? 0.1);
/** Longer than JupyterLab tries, and than everything here that waits before it takes a connection for dead. */
const LONGEST_CUT_SECONDS = 120;
const LONGEST_CALM_SECONDS = 20;

testSchedules({
  count: Number(process.env['CONTINUITY_SCHEDULES'] ?? 8),
  firstSeed: Number(process.env['CONTINUITY_SEED'] ?? 1),
  concurrency: 4,
  run: {
    timeScale: SCALE,
    bounds: {
      longestMilliseconds: LONGEST_CUT_SECONDS * 1_000 * SCALE,
      longestCalmMilliseconds: LONGEST_CALM_SECONDS * 1_000 * SCALE,
      most: 11,
    },
    patience: { lost: 5_000 + 30_000 * SCALE, any: 60_000 + 600_000 * SCALE },
  },
});
