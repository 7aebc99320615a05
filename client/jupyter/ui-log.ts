// The logs of the notebook pages' servers: a file for each start, the last few kept. ui-server.ts writes them.
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';

const KEPT_FILES = 10;
const NAME = /^ui-[-0-9TZ]+-[0-9]+\.log$/;

/** The newest first. @param stateDir the client's state folder */
export function uiLogFiles(stateDir: string): string[] {
  return logsIn(path.join(stateDir, 'ui', 'logs'));
}

/** Where a server that starts now writes; of the older ones those beyond the last few go. */
export function newUiLogFile(uiFolder: string, now: number): string {
  const folder = path.join(uiFolder, 'logs');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const file of logsIn(folder).slice(KEPT_FILES - 1)) rmSync(file, { force: true });
  const time = new Date(now).toISOString().replaceAll(/[:.]/g, '-');
  return path.join(folder, `ui-${time}-${process.pid}.log`);
}

function logsIn(folder: string): string[] {
  try {
    const names = readdirSync(folder).filter((name) => NAME.test(name));
    return names
      .toSorted()
      .reverse()
      .map((name) => path.join(folder, name));
  } catch {
    return [];
  }
}
