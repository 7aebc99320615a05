// What was measured, as lines of a table: our median beside the one of what it is held against, from the same run.
import { assertNever } from '../client/errors.ts';

/** What is asked of ours, held against theirs. */
export type Goal =
  /** Ours is no more than so many times theirs. */
  | { kind: 'ratioAtMost'; limit: number }
  /** It is no more than this above theirs, in the row's unit. */
  | { kind: 'addsAtMost'; limit: number };

export interface Row {
  what: string;
  ours: number;
  /** What it is held against. */
  beside: string;
  theirs: number;
  unit: 'ms' | 'MB';
  goal?: Goal | undefined;
}

/** Below this a unit's decimals are shown: round trips take fractions of a millisecond. */
const SMALL = 10;

export function ratioAtMost(limit: number): Goal {
  return { kind: 'ratioAtMost', limit };
}

export function addsAtMost(limit: number): Goal {
  return { kind: 'addsAtMost', limit };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? NaN;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? NaN;
  return (lower + upper) / 2;
}

export function formatTable(rows: readonly Row[]): string {
  const cells = rows.map((row) => [
    row.what,
    amount(row.ours, row.unit),
    row.beside,
    amount(row.theirs, row.unit),
    (row.ours / row.theirs).toFixed(2),
    verdict(row),
  ]);
  const lines = [['', 'median', 'beside it', 'median', 'ratio', 'goal'], ...cells];
  const widths = [0, 1, 2, 3, 4, 5].map((column) =>
    Math.max(...lines.map((line) => (line[column] ?? '').length)),
  );
  const isText = (column: number) => column === 0 || column === 2 || column === 5;
  return lines
    .map((line) =>
      line
        .map((text, column) => {
          const width = widths[column] ?? 0;
          return isText(column) ? text.padEnd(width) : text.padStart(width);
        })
        .join('   ')
        .trimEnd(),
    )
    .join('\n');
}

function amount(value: number, unit: Row['unit']): string {
  return `${value < SMALL ? value.toFixed(2) : Math.round(value)} ${unit}`;
}

function verdict({ ours, theirs, unit, goal }: Row): string {
  switch (goal?.kind) {
    case undefined:
      return '';
    case 'ratioAtMost':
      return `${goal.limit} ${ours / theirs <= goal.limit ? 'met' : 'missed'}`;
    case 'addsAtMost':
      return `+${goal.limit} ${unit} ${ours - theirs <= goal.limit ? 'met' : 'missed'}`;
    default:
      return assertNever(goal);
  }
}
