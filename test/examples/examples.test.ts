import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { requireProgram } from '../helpers/requires.ts';

const EXAMPLES = path.join(import.meta.dirname, '../../examples');

interface Notebook {
  cells: { cell_type: string; outputs?: unknown[]; execution_count?: number | null }[];
}

describe('the example notebooks', () => {
  it('hold exactly the numbers of the data files beside them', (t) => {
    if (!requireProgram(t, '/usr/bin/python3')) return;
    const check = spawnSync('/usr/bin/python3', [path.join(EXAMPLES, 'data/check.py')]);
    assert.equal(check.status, 0, check.stderr.toString());
  });

  for (const name of ['keeling-curve.ipynb', 'seattle-weather.ipynb']) {
    it(`${name} is shipped without outputs`, () => {
      const { cells } = JSON.parse(readFileSync(path.join(EXAMPLES, name), 'utf8')) as Notebook;
      for (const cell of cells.filter(({ cell_type }) => cell_type === 'code')) {
        assert.deepEqual([cell.outputs, cell.execution_count], [[], null]);
      }
    });
  }
});
