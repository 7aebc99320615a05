// Functions that are killed at any moment of sessions' lives: one build, one instance each, nothing left.
import { describe, it } from 'node:test';
import { killedJourneys } from '../helpers/killed-journeys.ts';

describe('sessions whose backend is killed again and again', () => {
  it('end the same', (t) => killedJourneys(t, { seed: 7, sessions: 4, kills: 4 }));
});
