// The promise of the project in short: eight schedules with short cuts. `npm run soak` plays more of them, with longer ones.
import { testSchedules } from './schedules.ts';

testSchedules({
  count: 8,
  firstSeed: 1,
  concurrency: 4,
  run: {
    timeScale: 0.1,
    bounds: { longestMilliseconds: 1_000, longestCalmMilliseconds: 1_500, most: 11 },
    patience: { lost: 5_000, any: 120_000 },
  },
});
