// The classic notebook 6 (Debian 12's) in a browser, with kernels behind relay, way and agent.
import { describe, it } from 'node:test';
import { runScenarios } from './run-scenarios.ts';
import { SCENARIOS } from './scenarios.ts';

describe('a notebook in the classic notebook', () => {
  it('has its kernel through everything', { concurrency: true }, (t) =>
    runScenarios(t, 'classic', { inTurn: SCENARIOS }),
  );
});
