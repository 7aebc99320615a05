// Pages in a browser while there is no way to their kernels for longer than stock Jupyter lives through.
import { describe, it } from 'node:test';
import { runScenarios } from '../browser/run-scenarios.ts';
import { CUTS } from '../browser/scenarios.ts';
import { requireNewGateway } from '../browser/ui-path.ts';

describe('a page without a way to its kernel', () => {
  it('in JupyterLab', { concurrency: true }, async (t) => {
    const gateway = requireNewGateway(t);
    if (gateway !== undefined) await runScenarios(t, 'lab', { together: CUTS }, gateway);
  });

  it('in the classic notebook', { concurrency: true }, async (t) => {
    await runScenarios(t, 'classic', { together: CUTS });
  });
});
