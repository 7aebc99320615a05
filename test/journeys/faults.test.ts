// Every call that the backend and the agent make to Google fails once; the journey ends the same. The whole matrix is in
// test/soak.
import { describe, it } from 'node:test';
import { firstJourneys, lostInsertJourneys, warmJourneys } from '../helpers/fault-journeys.ts';

const LANES = 3;

describe('a journey in which one call fails once', () => {
  it('ends the same', { concurrency: LANES }, (t) => warmJourneys(t, { perCall: 1, lanes: LANES }));
});

describe('a journey whose insert gets lost, and the look for it fails', () => {
  it('ends the same', lostInsertJourneys);
});

describe('the first journey of a backend, in which one call fails once', () => {
  it('ends the same', { concurrency: 2 }, (t) => firstJourneys(t, { perCall: 1, lanes: 2 }));
});
