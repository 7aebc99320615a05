// docs/settings.md against the declarations, and those against the command line.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { SETTING_NAMES } from '../../client/flags.ts';
import { readConfigFile } from '../../client/settings/config-file.ts';
import type { Declaration } from '../../client/settings/declaration.ts';
import { DECLARATIONS } from '../../client/settings/declarations.ts';
import { readSettings } from '../../client/settings/settings.ts';
import { VERBS } from '../../client/verbs.ts';
import { makePlace } from '../client/settings/settings-place.ts';
import { settingsRows } from './settings-table.ts';

const PAGE = readFileSync(path.join(import.meta.dirname, '../../docs/settings.md'), 'utf8');

describe('docs/settings.md', () => {
  it('has every setting as it is declared', () => {
    const [, table = ''] = /\n\n(\| Key .*?)\n\n/s.exec(PAGE) ?? [];
    const [heading = [], , ...rows] = table.split('\n').map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
    assert.deepEqual([heading, ...rows], settingsRows());
  });

  it('shows a configuration file that is read', (t) => {
    const [, config = ''] = /```json\n(.*?)```/s.exec(PAGE) ?? [];
    const { io, configFile } = makePlace(t, config);
    assert.ok(Object.keys(readConfigFile(configFile, true)).length > 3);
    assert.ok(readSettings({}, io()).apiUrl);
  });
});

describe('the command line', () => {
  it('has a flag for each setting that says so, and none beside', () => {
    const given = new Set(
      VERBS.flatMap(({ flags }) => flags.map(({ spec }) => spec.split(' ')[0])),
    );
    for (const name of SETTING_NAMES) {
      const { flag }: Declaration = DECLARATIONS[name];
      const usual = `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
      assert.equal(given.has(flag ?? usual), flag !== undefined, name);
    }
  });
});
