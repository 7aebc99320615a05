// Every call that the backend and the agent make to Google fails once; the journey ends the same. Several calls fail in
// one journey; each of them alone, and the whole matrix, is in test/soak.
import { describe, it } from 'node:test';
import { firstJourneys, warmJourneys } from '../helpers/fault-journeys.ts';

const LANES = 3;

describe('a journey in which calls fail once', () => {
  it('ends the same', { concurrency: LANES }, (t) =>
    warmJourneys(t, { perCall: 1, perStage: 1, lanes: LANES }),
  );
});

describe('the first journey of a backend, in which calls fail once', () => {
  it('ends the same', { concurrency: 2 }, (t) =>
    firstJourneys(t, { perCall: 1, perStage: 5, lanes: 2 }),
  );
});
