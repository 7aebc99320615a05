// As test/journeys/faults-killed.test.ts, at many other moments.
import { describe, it } from 'node:test';
import { killedJourneys } from '../helpers/killed-journeys.ts';

const SEEDS = 20;

describe('sessions whose backend is killed again and again', () => {
  for (let seed = 100; seed < 100 + SEEDS; seed += 1) {
    it(`end the same, seed ${seed}`, (t) => killedJourneys(t, { seed, sessions: 6, kills: 6 }));
  }
});
