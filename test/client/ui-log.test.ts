import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { newUiLogFile, uiLogFiles } from '../../client/jupyter/ui-log.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

describe('the logs of the pages', () => {
  it('are a file for each start, the newest first, and the last ten', (t) => {
    const stateDir = temporaryFolder(t);
    assert.deepEqual(uiLogFiles(stateDir), []);
    const made = Array.from({ length: 12 }, (_, minute) => {
      const file = newUiLogFile(path.join(stateDir, 'ui'), Date.UTC(2026, 2, 1, 12, minute));
      writeFileSync(file, '');
      return file;
    });
    assert.deepEqual(uiLogFiles(stateDir), made.slice(2).reverse());
  });
});
