// JupyterLab 4 in a browser, with kernels behind relay, way and agent. The gateway is the newer jupyter-server, too, where
// the classic notebook's test has the other.
import { describe, it } from 'node:test';
import { runScenarios } from './run-scenarios.ts';
import { SCENARIOS } from './scenarios.ts';
import { requireNewGateway } from './ui-path.ts';

describe('a notebook in JupyterLab', () => {
  it('has its kernel through everything', { concurrency: true }, async (t) => {
    const gateway = requireNewGateway(t);
    if (gateway !== undefined) await runScenarios(t, 'lab', { inTurn: SCENARIOS }, gateway);
  });
});
