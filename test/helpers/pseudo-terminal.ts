// The client on a real terminal: a pseudo-terminal of the kernel's (pseudo-terminal.py), and what stands on its screen as
// xterm.js shows it.
import headless from '@xterm/headless';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { PROGRAM } from './client.ts';
import { until } from './until.ts';

export interface TerminalOptions {
  columns?: number;
  rows?: number;
  env?: Record<string, string>;
}

export interface RunningTerminal {
  /** What can be seen, and what has scrolled away above it; a line that has wrapped is one. */
  text(): string;
  /** Where the cursor is: what stands left of it on its line. */
  cursorLine(): string;
  type(keys: string): void;
  resize(columns: number, rows: number): void;
  /** Waits until the text matches. */
  shows(pattern: RegExp, seconds?: number): Promise<void>;
  /** The program's exit code; everything is on the screen by then. */
  ended: Promise<number>;
}

export const CTRL_C = '\x03';
export const ENTER = '\r';

/** As long as test/helpers/client.ts waits for an event: a machine may have to boot. */
const SHOWN_SECONDS = 90;

export function runOnTerminal(
  t: Pick<TestContext, 'after'>,
  args: readonly string[],
  { columns = 80, rows = 40, env = {} }: TerminalOptions = {},
): RunningTerminal {
  const driver = path.join(import.meta.dirname, 'pseudo-terminal.py');
  const size = [String(columns), String(rows)];
  const command = [driver, ...size, process.execPath, PROGRAM, ...args];
  const child = spawn('/usr/bin/python3', command, {
    env: { ...process.env, TERM: 'xterm-256color', ...env },
    stdio: ['pipe', 'pipe', 'inherit', 'pipe'],
  });
  const screen = new headless.Terminal({
    cols: columns,
    rows,
    scrollback: 1000,
    allowProposedApi: true,
  });
  let written = Promise.resolve();
  child.stdout?.on('data', (data: Buffer) => {
    written = new Promise((resolve) => {
      screen.write(data, resolve);
    });
  });
  for (const pipe of child.stdio) pipe?.on('error', () => undefined);
  const ended = once(child, 'close').then(async ([code]) => {
    await written;
    return code as number;
  });
  t.after(async () => {
    child.kill('SIGTERM');
    await ended;
    screen.dispose();
  });
  const text = () => textOf(screen);
  return {
    text,
    cursorLine: () => {
      const { active } = screen.buffer;
      const line = active.getLine(active.baseY + active.cursorY);
      return line?.translateToString(true, 0, active.cursorX) ?? '';
    },
    type: (keys) => child.stdin?.write(keys),
    resize: (newColumns, newRows) => {
      screen.resize(newColumns, newRows);
      const control = child.stdio[3];
      if (control && 'write' in control) control.write(`resize ${newColumns} ${newRows}\n`);
    },
    shows: async (pattern, seconds = SHOWN_SECONDS) => {
      await until(String(pattern), () => pattern.test(text()), seconds).catch((error: unknown) => {
        throw new Error(`${String(error)}; the screen shows:\n${text()}`);
      });
    },
    ended,
  };
}

function textOf({ buffer: { active } }: headless.Terminal): string {
  let text = '';
  for (let row = 0; row < active.length; row += 1) {
    const line = active.getLine(row);
    const isWrapped = line?.isWrapped === true;
    text += `${isWrapped || row === 0 ? '' : '\n'}${line?.translateToString(true) ?? ''}`;
  }
  return text.trimEnd();
}
