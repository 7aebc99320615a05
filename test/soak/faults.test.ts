// The whole matrix of test/journeys/faults.test.ts: everything that may happen to any call, and to the one after it.
import { describe, it } from 'node:test';
import { firstJourneys, warmJourneys } from '../helpers/fault-journeys.ts';

const LANES = 3;

describe('a journey in which one call fails once', () => {
  it('ends the same', { concurrency: LANES }, (t) =>
    warmJourneys(t, { occurrences: 2, lanes: LANES }),
  );
});

describe('the first journey of a backend, in which one call fails once', () => {
  it('ends the same', { concurrency: LANES }, (t) => firstJourneys(t, { lanes: LANES }));
});
