// Opens the notebooks in the user's browser, where there is one; where there is none, or it does not start, one line says
// how to open them. It never fails.
import { spawn } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { messageOf } from './errors.ts';
import type { Io } from './io.ts';
import { quoted } from './session/start-options.ts';

export interface BrowserRequest {
  url: string;
  /** The user's alone. */
  folder: string;
  say: (line: string) => void;
}

/** A program that has not failed by then shows the page, or is the browser itself. */
const FAILS_WITHIN_MILLISECONDS = 5000;

/**
 * Opens it through a page that only the user can read: everybody on the machine sees a program's arguments, and the
 * URL holds the relay's token.
 * @returns removes that page
 */
export function openBrowser(request: BrowserRequest, io: Io): Disposable {
  const page = path.join(request.folder, `open-${process.pid}.html`);
  const over = new AbortController();
  void open(request, page, io).then((problem) => {
    if (problem !== undefined && !over.signal.aborted) request.say(problem);
  });
  return {
    [Symbol.dispose]: () => {
      over.abort();
      rmSync(page, { force: true });
    },
  };
}

/** In words why it is not open. */
async function open({ url }: BrowserRequest, page: string, io: Io): Promise<string | undefined> {
  const commands = browserCommands(io.env, process.platform);
  if (commands.length === 0) return noDesktop(url, io);
  try {
    const content = `<!doctype html><meta http-equiv="refresh" content="0; url=${url}">\n`;
    writeFileSync(page, content, { mode: 0o600 });
  } catch (error) {
    return `No browser was opened (${messageOf(error)}): open the address above yourself.`;
  }
  let tried = '';
  for (const command of commands) {
    tried = command;
    if (await starts(command, page, io)) return undefined;
  }
  return `No browser was opened (${tried} did not start): open the address above yourself.`;
}

/**
 * Command lines for the shell, to be tried in this order; `%s` stands for the page, which otherwise comes last. BROWSER
 * as everywhere: several are separated by colons.
 */
export function browserCommands(env: Io['env'], platform: NodeJS.Platform): string[] {
  const wanted = (env['BROWSER'] ?? '').split(':').filter((command) => command.trim() !== '');
  if (wanted.length > 0) return wanted;
  if (platform === 'darwin') return ['open'];
  // A page in Linux's file system has another name in Windows, whose browser it is.
  if (env['WSL_DISTRO_NAME']) return ['wslview', 'explorer.exe "$(wslpath -w %s)"; true'];
  return env['DISPLAY'] || env['WAYLAND_DISPLAY'] ? ['xdg-open'] : [];
}

/** Whether it did not fail soon. It may be the browser itself and run as long as that. */
function starts(command: string, page: string, { env }: Io): Promise<boolean> {
  const file = quoted(page);
  const line = command.includes('%s') ? command.replaceAll('%s', file) : `${command} ${file}`;
  const child = spawn('/bin/sh', ['-c', line], { detached: true, stdio: 'ignore', env });
  child.unref();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, FAILS_WITHIN_MILLISECONDS, true);
    child.once('error', () => {
      resolve(false);
    });
    child.once('exit', (code) => {
      clearTimeout(timer);
      resolve(code === 0);
    });
  });
}

function noDesktop(url: string, { env }: Io): string {
  if (env['SSH_CONNECTION'] === undefined) {
    return 'There is no desktop here to open a browser on: open the address above yourself.';
  }
  const { port } = new URL(url);
  return `Open the address above on your own machine, after: ssh -L ${port}:127.0.0.1:${port} THIS_MACHINE`;
}
