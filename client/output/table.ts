// Tables and blocks of facts that fit the terminal. In a file or a pipe (`width` undefined) everything is shown, a line each.
import type { Colour, Paint } from './paint.ts';
import { clipped, columnsOf, padded, withoutControls, wrapped } from './terminal-text.ts';

export interface Cell {
  text: string;
  colour?: Colour | undefined;
  /** Of a fact: where it goes on in the next line, so far to the right. */
  hang?: number;
  /** Of a fact: cut where the line ends. */
  isClipped?: true;
}

export interface Column {
  header: string;
  cells: readonly Cell[];
  /** Where there is no room, the one with the highest number goes first; 0 stays. */
  rank: number;
  /** Shortened to so many columns rather than dropped. */
  least?: number;
}

const GAP = '  ';

export function formatTable(
  all: readonly Column[],
  width: number | undefined,
  paint: Paint,
): string {
  const columns = fitted(all.map(natural), width);
  const rows = columns[0]?.cells.length ?? 0;
  const lines = Array.from({ length: rows + 1 }, (_, index) => {
    const cells = columns.map((column, at) => {
      const cell =
        index === 0 ? { text: column.header } : (column.cells[index - 1] ?? { text: '' });
      const text = clipped(withoutControls(cell.text), column.width);
      // Nothing is painted behind the last column.
      return painted(at === columns.length - 1 ? text : padded(text, column.width), cell, paint);
    });
    return cells.join(GAP).trimEnd();
  });
  return lines.join('\n');
}

function painted(text: string, { colour }: Cell, paint: Paint): string {
  return colour ? paint(colour, text) : text;
}

interface Sized extends Column {
  width: number;
}

function natural(column: Column): Sized {
  const texts = [column.header, ...column.cells.map(({ text }) => withoutControls(text))];
  return { ...column, width: Math.max(...texts.map(columnsOf)) };
}

/** The least important one is shortened if that is enough, dropped if not; then the next. */
function fitted(columns: readonly Sized[], width: number | undefined): readonly Sized[] {
  const total =
    columns.reduce((sum, column) => sum + column.width, 0) + GAP.length * (columns.length - 1);
  if (width === undefined || total <= width) return columns;
  const victim = columns.reduce((worst, column) => (column.rank > worst.rank ? column : worst));
  const rest = victim.width - (total - width);
  if (rest >= (victim.least ?? Infinity)) return resized(columns, victim, rest);
  if (victim.rank > 0) {
    return fitted(
      columns.filter((column) => column !== victim),
      width,
    );
  }
  const widest = columns.reduce((most, column) => (column.width > most.width ? column : most));
  return resized(columns, widest, Math.max(1, widest.width - (total - width)));
}

function resized(columns: readonly Sized[], which: Sized, width: number): Sized[] {
  return columns.map((column) => (column === which ? { ...column, width } : column));
}

/** A fact without a value is left out; one with several lines is a small table of its own. */
export interface Fact {
  label: string;
  value: string | Cell | readonly (string | Cell)[] | undefined;
}

export function formatFacts(
  facts: readonly Fact[],
  width: number | undefined,
  paint: Paint,
): string {
  const known = facts.map(({ label, value }) => ({ label, cells: cellsOf(value) }));
  const shown = known.filter(({ cells }) => cells.length > 0);
  const left = Math.max(...shown.map(({ label }) => columnsOf(label))) + GAP.length;
  const room = width === undefined ? Infinity : Math.max(20, width - left);
  return shown
    .flatMap(({ label, cells }) =>
      cells
        .flatMap((cell) => linesOf(cell, room, paint))
        .map((line, index) => (padded(index === 0 ? label : '', left) + line).trimEnd()),
    )
    .join('\n');
}

function cellsOf(value: Fact['value']): Cell[] {
  if (value === undefined) return [];
  const values = Array.isArray(value)
    ? (value as readonly (string | Cell)[])
    : [value as string | Cell];
  return values.map((one) => (typeof one === 'string' ? { text: one } : one));
}

function linesOf(cell: Cell, room: number, paint: Paint): string[] {
  const hang = ' '.repeat(cell.hang ?? 0);
  const fit = (line: string) =>
    cell.isClipped ? [clipped(line, room)] : wrapped(line, room, hang);
  return cell.text
    .split('\n')
    .flatMap((line) => fit(withoutControls(line)))
    .map((line) => painted(line, cell, paint));
}
