// Lines at the bottom of a terminal that are drawn again in place. The cursor always rests on the empty line below them,
// so whatever ends the program, and however, what comes next begins on a line of its own. progress.ts and
// session/live-line.ts draw on it.
import type { Io } from '../io.ts';
import { columnsOf } from './terminal-text.ts';

const DEFAULT_COLUMNS = 80;

export class Screen {
  readonly #io: Pick<Io, 'stderr' | 'columns'>;
  /** Widths of the lines that the next drawing replaces. */
  #drawn: number[] = [];

  constructor(io: Pick<Io, 'stderr' | 'columns'>) {
    this.#io = io;
  }

  /** What a line may have, so that it does not wrap. */
  get columns(): number {
    return Math.max((this.#io.columns ?? DEFAULT_COLUMNS) - 1, 1);
  }

  /** `kept` stays on the screen for good, `redrawn` until the next drawing. Lines no wider than `columns`. */
  draw(kept: readonly string[], redrawn: readonly string[]): void {
    const lines = [...kept, ...redrawn].map((line) => `${line}\x1b[K\n`).join('');
    this.#io.stderr.write(`\r${this.#back()}${lines}\x1b[J`);
    this.#drawn = redrawn.map(columnsOf);
  }

  /** A terminal that was made narrower has wrapped what was drawn before: so many rows it has now. */
  #back(): string {
    const columns = this.#io.columns ?? DEFAULT_COLUMNS;
    const rows = this.#drawn.map((width) => Math.max(Math.ceil(width / columns), 1));
    const up = rows.reduce((sum, count) => sum + count, 0);
    return up > 0 ? `\x1b[${up}A` : '';
  }
}
