// Opens a URL in the user's browser, where there is one.
import { spawn } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Io } from './io.ts';

/**
 * Opens it through a page that only the user can read: everybody on the machine sees a program's arguments, and the
 * URL holds the relay's token. Nothing happens where no desktop is; the URL has been printed anyway.
 * @param folder the user's alone
 * @returns removes that page
 */
export function openBrowser(url: string, folder: string, { env, isTerminal }: Io): Disposable {
  const isMac = process.platform === 'darwin';
  const hasDesktop = isMac || Boolean(env['DISPLAY'] ?? env['WAYLAND_DISPLAY']);
  const page = path.join(folder, `open-${process.pid}.html`);
  const remove = () => {
    rmSync(page, { force: true });
  };
  if (!isTerminal || !hasDesktop) return { [Symbol.dispose]: () => undefined };
  const content = `<!doctype html><meta http-equiv="refresh" content="0; url=${url}">\n`;
  writeFileSync(page, content, { mode: 0o600 });
  const child = spawn(isMac ? 'open' : 'xdg-open', [page], { detached: true, stdio: 'ignore' });
  child.on('error', () => undefined);
  child.unref();
  return { [Symbol.dispose]: remove };
}
