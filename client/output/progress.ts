// Shows the stages of a command as they happen: in place on a terminal, as lines elsewhere, as JSON objects
// with --json, not at all with --quiet.
import type { Io } from '../io.ts';
import { paintFor, type Colour, type Paint } from './paint.ts';
import { Screen } from './screen.ts';
import { clipped, withoutControls } from './terminal-text.ts';

export interface Stage {
  /** What the stage is waiting for now. */
  say(text: string): void;
}

export interface Progress extends Disposable {
  /** Runs `work` as a stage of that name. A stage that fails stays on the screen as failed. */
  stage<T>(name: string, work: (stage: Stage) => Promise<T>): Promise<T>;
}

interface Row {
  name: string;
  text: string;
  startedAt: number;
  endedAt?: number;
  isFailed?: boolean;
}

type Show = (row: Row, what: 'started' | 'changed' | 'ended') => void;

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const FRAME_MILLISECONDS = 100;
const PLAIN_LINE_MILLISECONDS = 3000;
/** From here on there is room for names in a column of their own. */
const WIDE_COLUMNS = 50;

export function createProgress(flags: { json?: true; quiet?: true }, io: Io): Progress {
  if (flags.json) return stages(jsonLines(io), io);
  if (flags.quiet) return stages(() => undefined, io);
  if (!io.isTerminal) return stages(plainLines(io), io);
  const rows = new Rows(io);
  return stages(
    (row) => {
      rows.show(row);
    },
    io,
    () => {
      rows.close();
    },
  );
}

function stages(show: Show, io: Io, close: () => void = () => undefined): Progress {
  return {
    stage: async (name, work) => {
      io.interrupt.throwIfAborted();
      const row: Row = { name, text: '', startedAt: io.elapsed() };
      show(row, 'started');
      const say = (text: string) => {
        if (text === row.text) return;
        row.text = text;
        show(row, 'changed');
      };
      try {
        return await work({ say });
      } catch (error) {
        row.isFailed = true;
        throw error;
      } finally {
        row.endedAt = io.elapsed();
        show(row, 'ended');
      }
    },
    [Symbol.dispose]: close,
  };
}

function seconds(row: Row, io: Io): number {
  return ((row.endedAt ?? io.elapsed()) - row.startedAt) / 1000;
}

function jsonLines(io: Io): Show {
  return (row, what) => {
    const state = what === 'ended' ? (row.isFailed ? 'failed' : 'done') : 'running';
    const elapsedSeconds = Number(seconds(row, io).toFixed(3));
    const event = { event: 'stage', stage: row.name, state, message: row.text, elapsedSeconds };
    io.stdout.write(`${JSON.stringify(event)}\n`);
  };
}

/** A log is read later: what a stage waits for is said every few seconds, its end always. */
function plainLines(io: Io): Show {
  const saidAt = new Map<Row, number>();
  return (row, what) => {
    if (what === 'started') return;
    const isSoon = io.elapsed() - (saidAt.get(row) ?? -Infinity) < PLAIN_LINE_MILLISECONDS;
    if (what === 'changed' && isSoon) return;
    saidAt.set(row, io.elapsed());
    const end = row.isFailed ? 'failed' : 'done';
    const text = what === 'ended' ? `${end} (${seconds(row, io).toFixed(1)} s)` : row.text;
    io.stderr.write(`${row.name}: ${withoutControls(text)}\n`);
  };
}

/** Rows that are redrawn in place; those that ended keep their line. */
class Rows {
  readonly #io: Io;
  readonly #screen: Screen;
  readonly #paint: Paint;
  #open: Row[] = [];
  #frame = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(io: Io) {
    this.#io = io;
    this.#screen = new Screen(io);
    this.#paint = paintFor('stderr', io);
  }

  show(row: Row): void {
    if (!this.#open.includes(row)) this.#open.push(row);
    this.#timer ??= setInterval(() => {
      this.#frame += 1;
      this.#draw();
    }, FRAME_MILLISECONDS);
    this.#draw();
    if (this.#open.length === 0) this.close();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #draw(): void {
    const isOver = ({ endedAt }: Row) => endedAt !== undefined;
    const running = this.#open.filter((row) => !isOver(row));
    this.#screen.draw(
      this.#open.filter(isOver).map((row) => this.#line(row)),
      running.map((row) => this.#line(row)),
    );
    this.#open = running;
  }

  #line(row: Row): string {
    const { columns } = this.#screen;
    const isWide = columns >= WIDE_COLUMNS;
    const time = `${seconds(row, this.#io).toFixed(1)} s`;
    const left = isWide ? `${row.name.padEnd(12)} ${time.padStart(7)} ` : `${row.name} ${time}`;
    const text = row.endedAt === undefined || row.isFailed ? withoutControls(row.text) : '';
    const [colour, mark] = this.#mark(row);
    return `${this.#paint(colour, mark)} ${clipped(`${left} ${text}`.trimEnd(), columns - 2)}`;
  }

  #mark({ endedAt, isFailed }: Row): [Colour, string] {
    if (endedAt === undefined) return ['cyan', FRAMES[this.#frame % FRAMES.length] ?? ''];
    return isFailed ? ['red', '✗'] : ['green', '✓'];
  }
}
