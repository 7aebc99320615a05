// Where a program is on this machine.
import { accessSync, constants } from 'node:fs';
import path from 'node:path';

/** In the first of the folders that has it; undefined: none has. */
export function findProgram(name: string, folders: readonly string[]): string | undefined {
  return folders.map((folder) => path.join(folder, name)).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
