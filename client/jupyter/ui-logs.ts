// Logs of UI servers on this machine: a file for each start, named by its process. Those of starts that are over are kept
// for a while, since people look after something went wrong.
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { isAlive } from '../is-alive.ts';

export interface UiLog {
  file: string;
  /** The start that it belongs to still runs. */
  isRunning: boolean;
}

const KEPT = 5;
const NAME = /^ui-server-(\d+)\.log$/;

/** A name for the log of this start, which is not there yet; old logs are removed. */
export function newUiLog(folder: string, pid: number): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const over = findUiLogs(folder).filter(({ isRunning }) => !isRunning);
  for (const { file } of over.slice(KEPT - 1)) rmSync(file, { force: true });
  const log = path.join(folder, `ui-server-${pid}.log`);
  // An earlier process may have had the same number.
  rmSync(log, { force: true });
  return log;
}

/** The one that was written to last comes first. */
export function findUiLogs(folder: string): UiLog[] {
  return namesIn(folder)
    .flatMap((name) => {
      const pid = NAME.exec(name)?.[1];
      const file = path.join(folder, name);
      const at = statSync(file, { throwIfNoEntry: false })?.mtimeMs;
      return pid === undefined || at === undefined ? [] : [{ file, at, pid: Number(pid) }];
    })
    .sort((a, b) => b.at - a.at)
    .map(({ file, pid }) => ({ file, isRunning: isAlive(pid) }));
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}
