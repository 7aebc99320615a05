// Opens a URL in the user's browser, where there is one.
import { spawn } from 'node:child_process';
import type { Io } from './io.ts';

/** Nothing happens where no desktop is; the URL has been printed anyway. */
export function openBrowser(url: string, { env, isTerminal }: Io): void {
  const program = process.platform === 'darwin' ? 'open' : 'xdg-open';
  const hasDesktop =
    process.platform === 'darwin' || Boolean(env['DISPLAY'] ?? env['WAYLAND_DISPLAY']);
  if (!isTerminal || !hasDesktop) return;
  const child = spawn(program, [url], { detached: true, stdio: 'ignore' });
  child.on('error', () => undefined);
  child.unref();
}
