import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatFacts, formatTable, type Column } from '../../../client/output/table.ts';
import { clipped, columnsOf, paragraph } from '../../../client/output/terminal-text.ts';

const plain = (_: string, text: string) => text;

function column(header: string, texts: readonly string[], rank: number, least?: number): Column {
  return {
    header,
    cells: texts.map((text) => ({ text })),
    rank,
    ...(least === undefined ? {} : { least }),
  };
}

const COLUMNS = [
  column('NAME', ['default', 'train'], 0),
  column('STATE', ['READY', 'SUSPENDED'], 0),
  column('OWNER', ['you@example.com', 'ada.lovelace@example.com'], 1, 8),
  column('ZONE', ['europe-west1-b', 'europe-west1-c'], 2),
];

describe('a table', () => {
  it('has everything in a pipe, however wide that is', () => {
    assert.equal(
      formatTable(COLUMNS, undefined, plain),
      [
        'NAME     STATE      OWNER                     ZONE',
        'default  READY      you@example.com           europe-west1-b',
        'train    SUSPENDED  ada.lovelace@example.com  europe-west1-c',
      ].join('\n'),
    );
  });

  it('loses its least important columns, and shortens the next rather than losing it', () => {
    assert.equal(
      formatTable(COLUMNS, 32, plain),
      [
        'NAME     STATE      OWNER',
        'default  READY      you@example…',
        'train    SUSPENDED  ada.lovelac…',
      ].join('\n'),
    );
  });

  it('is never wider than the terminal, whatever is in it', () => {
    const wide = [
      ...COLUMNS,
      column('NOTE', ['日本語のノートブック', 'é́\u001b[2J\n👩‍👩‍👧 family'], 3, 4),
    ];
    for (let width = 1; width <= 100; width += 1) {
      for (const line of formatTable(wide, width, plain).split('\n')) {
        assert.ok(columnsOf(line) <= Math.max(width, 18), `${width}: ${line}`);
        assert.ok(!line.includes('\u001b'));
      }
    }
  });

  it('counts wide characters as the two columns that they take', () => {
    const table = formatTable(
      [column('NAME', ['日本', 'ab'], 0), column('STATE', ['READY', 'READY'], 0)],
      undefined,
      plain,
    );
    assert.equal(table, 'NAME  STATE\n日本  READY\nab    READY');
    assert.equal(clipped('日本語の', 6), '日本…');
    assert.equal(clipped('日本語の', 8), '日本語の');
  });

  it('is painted after it was measured', () => {
    const painted = formatTable(
      [
        { header: 'STATE', cells: [{ text: 'READY', colour: 'green' }], rank: 0 },
        column('NAME', ['train'], 0),
      ],
      12,
      (colour, text) => `<${colour}>${text}</${colour}>`,
    );
    assert.equal(painted, 'STATE  NAME\n<green>READY</green>  train');
  });
});

describe('a block of facts', () => {
  it('leaves out what is not known, and hangs what is long', () => {
    const facts = formatFacts(
      [
        { label: 'State', value: 'FAILED' },
        { label: 'Error', value: 'there is no room in this zone\nTry another one' },
        { label: 'Zone', value: undefined },
        { label: 'Kernels', value: ['one', 'two'] },
      ],
      30,
      plain,
    );
    assert.equal(
      facts,
      [
        'State    FAILED',
        'Error    there is no room in',
        '         this zone',
        '         Try another one',
        'Kernels  one',
        '         two',
      ].join('\n'),
    );
  });
});

describe('a paragraph', () => {
  it('breaks between words, but not within a command that a person copies', () => {
    assert.equal(
      paragraph('Sign in again: gcloud auth application-default login; then go on.', 40),
      'Sign in again:\ngcloud auth application-default login;\nthen go on.',
    );
  });

  it('is left as it is where there is no terminal, and keeps indented lines', () => {
    const text = `  ${'word '.repeat(40)}`;
    assert.equal(paragraph(text, undefined), text);
    assert.match(paragraph(text, 40), /^ {2}word/);
  });
});
