import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { NEXT_STATES } from '../../functions/session.ts';

const TEXT = readFileSync(path.join(import.meta.dirname, '../../ARCHITECTURE.md'), 'utf8');

describe('ARCHITECTURE.md', () => {
  it('draws no way between states that the code does not allow', () => {
    const drawn = [...TEXT.matchAll(/^ {2}([A-Z_]+) --> ([A-Z_]+)$/gm)];
    assert.ok(drawn.length > 10);
    for (const [, from = '', to = ''] of drawn) {
      const allowed: readonly string[] = NEXT_STATES[from as keyof typeof NEXT_STATES];
      assert.ok(allowed.includes(to), `${from} --> ${to}`);
    }
  });

  it('lists exactly the states that may follow each other', () => {
    const rows = [...TEXT.matchAll(/^\| `([A-Z_]+)` +\| (.+?) +\|$/gm)];
    const listed = Object.fromEntries(
      rows.map(([, from = '', to = '']) => [
        from,
        to.split(', ').map((name) => name.replaceAll('`', '')),
      ]),
    );
    assert.deepEqual(listed, NEXT_STATES);
  });
});
