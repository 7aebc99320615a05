// The promise of the project, with everything scaled down; test/soak/continuity.test.ts takes more time.
import { testSchedules } from './schedules.ts';

testSchedules({
  count: 8,
  firstSeed: Number(process.env['CONTINUITY_SEED'] ?? 1),
  concurrency: 4,
  run: {
    timeScale: 0.1,
    bounds: { longestMilliseconds: 1_000, longestCalmMilliseconds: 1_500, most: 11 },
    patience: { lost: 5_000, any: 60_000 },
  },
});
