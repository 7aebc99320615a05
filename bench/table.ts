// What was measured, as lines of a table: our median beside the one of what it is held against, from the same run.
export interface Row {
  what: string;
  ours: number;
  /** What it is held against. */
  beside: string;
  theirs: number;
  unit: 'ms' | 'MB';
  /** The ratio is to be no larger. */
  goal?: number | undefined;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? NaN;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? NaN;
  return (lower + upper) / 2;
}

export function formatTable(rows: readonly Row[]): string {
  const cells = rows.map(({ what, ours, beside, theirs, unit, goal }) => [
    what,
    `${Math.round(ours)} ${unit}`,
    beside,
    `${Math.round(theirs)} ${unit}`,
    (ours / theirs).toFixed(2),
    goal === undefined ? '' : `${goal} ${ours / theirs <= goal ? 'met' : 'missed'}`,
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
