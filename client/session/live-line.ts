// Shows how session and connection are after a relay is ready: on a terminal one line that is drawn again in place,
// elsewhere a line and with --json an object when something has changed.
import type { Io } from '../io.ts';
import { paintFor, type Colour } from '../output/paint.ts';
import { Screen } from '../output/screen.ts';
import { clipped } from '../output/terminal-text.ts';
import { busyKernels, clockTime, liveParts } from './live-words.ts';
import type { LiveState } from './live.ts';

export interface LiveLine extends Disposable {
  show(state: LiveState): void;
  /** A line for the record, above the one that changes. */
  note(text: string): void;
}

const TICK_MILLISECONDS = 1000;

export function createLiveLine(
  flags: { json?: true; quiet?: true },
  first: LiveState,
  io: Io,
): LiveLine {
  if (flags.json) return onChange(first, jsonKey, jsonWriter(io), io);
  if (flags.quiet) return onChange(first, plainKey, () => undefined, io);
  if (!io.isTerminal) return onChange(first, plainKey, plainWriter(io), io);
  return new DrawnLine(first, io);
}

class DrawnLine implements LiveLine {
  readonly #io: Io;
  readonly #screen: Screen;
  readonly #timer: NodeJS.Timeout;
  #state: LiveState;
  #shown = '';
  #isOver = false;

  constructor(first: LiveState, io: Io) {
    this.#io = io;
    this.#screen = new Screen(io);
    this.#state = first;
    this.#draw();
    this.#timer = setInterval(() => {
      this.#draw();
    }, TICK_MILLISECONDS);
  }

  show(state: LiveState): void {
    this.#state = state;
    this.#draw();
  }

  note(text: string): void {
    this.#screen.draw(text.split('\n'), this.#isOver ? [] : [this.#line()]);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#isOver = true;
  }

  /** A line that stays as it is is left alone: people mark and copy what is on their screen. */
  #draw(): void {
    if (this.#isOver) return;
    const line = this.#line();
    if (line === this.#shown) return;
    this.#shown = line;
    this.#screen.draw([], [line]);
  }

  #line(): string {
    const text = clipped(liveParts(this.#state, this.#io.now()).join(' · '), this.#screen.columns);
    const { state } = this.#state.session;
    const paint = paintFor('stderr', this.#io);
    return paint(colourOf(this.#state), text.slice(0, state.length)) + text.slice(state.length);
  }
}

function colourOf({ session, connection, trouble, signInCommand }: LiveState): Colour {
  if (trouble ?? signInCommand) return 'yellow';
  if (session.state !== 'READY') return 'cyan';
  return connection === 'up' ? 'green' : 'yellow';
}

function onChange(
  first: LiveState,
  keyOf: (state: LiveState) => string,
  write: (state: LiveState) => void,
  io: Io,
): LiveLine {
  let shown = keyOf(first);
  return {
    show: (state) => {
      const key = keyOf(state);
      if (key === shown) return;
      shown = key;
      write(state);
    },
    note: (text) => io.stderr.write(`${text}\n`),
    [Symbol.dispose]: () => undefined,
  };
}

/** When it sleeps moves on with every cell: that is no news by itself. */
function jsonKey(state: LiveState): string {
  return JSON.stringify({ ...eventOf(state), sleepTime: undefined });
}

function jsonWriter(io: Io): (state: LiveState) => void {
  return (state) => io.stdout.write(`${JSON.stringify(eventOf(state))}\n`);
}

function eventOf({ session, connection, cut, trouble, signInCommand }: LiveState): object {
  return {
    event: 'session',
    state: session.state,
    connection,
    disconnectedSince: cut && new Date(cut.since).toISOString(),
    waitingFor: session.waitingFor,
    kernels: session.kernels.length,
    busyKernels: busyKernels(session),
    sleepTime: session.awake?.sleepTime,
    backendDownSince: trouble && new Date(trouble.since).toISOString(),
    signInCommand,
  };
}

/** A log tells what happens to the session, not what happens in it. */
function plainKey({ session, connection, trouble, signInCommand, note }: LiveState): string {
  const isReady = session.state === 'READY';
  return JSON.stringify([
    session.state,
    session.waitingFor,
    isReady ? connection : undefined,
    trouble,
    signInCommand,
    note,
  ]);
}

function plainWriter(io: Io): (state: LiveState) => void {
  return (state) => {
    const parts = liveParts(state, io.now());
    io.stderr.write(`${clockTime(io.now())} ${state.session.name}: ${parts.join(' · ')}\n`);
  };
}
