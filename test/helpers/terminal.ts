// What a person sees: a terminal of a given width that `main()` writes to, cursor movements and all, and whose keyboard
// answers a question.
import { PassThrough, Writable } from 'node:stream';
import xterm from '@xterm/headless';
import type { Io } from '../../client/io.ts';

export interface TestTerminal {
  io: Io;
  /** The lines as they are in the end. */
  screen(): Promise<string>;
  /** Everything that was written, escapes and all. */
  written(): string;
}

export interface TerminalOptions {
  columns: number;
  now: number;
  env: Record<string, string>;
  /** Typed, with Enter, at a question; without it there is no keyboard. */
  answer?: string | undefined;
  /** What stands for texts that differ from run to run. */
  replace?: readonly (readonly [string, string])[];
}

export function openTerminal(options: TerminalOptions): TestTerminal {
  const { columns, now, env, answer, replace = [] } = options;
  const screen = new xterm.Terminal({
    cols: columns,
    rows: 200,
    convertEol: true,
    allowProposedApi: true,
  });
  let written = '';
  const stdin = new PassThrough();
  const write = (text: string) => {
    const same = replace.reduce((result, [from, to]) => result.replaceAll(from, to), text);
    written += same;
    screen.write(same);
    if (answer === undefined || !text.includes('[y/N]')) return;
    // A terminal shows what is typed.
    screen.write(`${answer}\r\n`);
    stdin.write(`${answer}\n`);
  };
  const sink = () =>
    new Writable({
      write(chunk: Buffer, _, done) {
        write(chunk.toString());
        done();
      },
    });
  const io: Io = {
    stdin: answer === undefined ? undefined : stdin,
    inputEnd: new AbortController().signal,
    stdout: sink(),
    stderr: sink(),
    isTerminal: true,
    columns,
    outputColumns: columns,
    now: () => now,
    env,
    cwd: '/',
    elapsed: () => 0,
    interrupt: new AbortController().signal,
  };
  return { io, screen: () => linesOf(screen), written: () => written };
}

async function linesOf(screen: InstanceType<typeof xterm.Terminal>): Promise<string> {
  await new Promise<void>((resolve) => {
    screen.write('', resolve);
  });
  const { active } = screen.buffer;
  const lines = Array.from({ length: active.length }, (_, index) =>
    (active.getLine(index)?.translateToString(true) ?? '').trimEnd(),
  );
  return lines.join('\n').trimEnd();
}
