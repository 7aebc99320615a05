// Every call that the backend and the agent make to Google fails once; the journey ends the same. Several calls fail in
// one journey; each of them alone, and the whole matrix, is in test/soak.
import { describe, it } from 'node:test';
import { firstJourneys, warmJourneys } from '../helpers/fault-journeys.ts';

const LANES = 3;

// Side by side: a call that is not answered is waited for.
describe('calls that fail once', { concurrency: true }, () => {
  describe('in a journey', () => {
    it('let it end the same', { concurrency: LANES }, (t) =>
      warmJourneys(t, { perCall: 1, perStage: 1, lanes: LANES }),
    );
  });

  describe('in the first journey of a backend', () => {
    it('let it end the same', { concurrency: 2 }, (t) =>
      firstJourneys(t, { perCall: 1, perStage: 5, lanes: 2 }),
    );
  });
});
