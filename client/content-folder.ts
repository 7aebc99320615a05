// The folder with the user's notebooks, checked before anything is started for it.
import { createHash } from 'node:crypto';
import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import { ClientError } from './errors.ts';

/**
 * @returns the absolute path, links resolved
 * @throws ClientError when it is not there, not a folder, or cannot be written
 */
export function checkContentFolder(given: string, cwd: string): string {
  const folder = path.resolve(cwd, given);
  const stats = statSync(folder, { throwIfNoEntry: false });
  if (!stats) {
    throw new ClientError(
      `CONTENT_DIR ${folder} does not exist; make it with: mkdir -p '${folder}'`,
    );
  }
  if (!stats.isDirectory()) {
    throw new ClientError(`CONTENT_DIR ${folder} is not a folder; give the folder that it is in.`);
  }
  try {
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch {
    throw new ClientError(
      `CONTENT_DIR ${folder} cannot be written by you, and notebooks are saved there; choose another.`,
    );
  }
  return realpathSync(folder);
}

/**
 * What stands for the folder in the paths of the gateway's notebook sessions: the same at every start, and
 * another one for a folder of the same path on another machine.
 */
export function folderPrefix(folder: string): string {
  const digest = createHash('sha256').update(`${hostname()}\0${folder}`).digest('hex');
  const name = path.basename(folder).replaceAll(/[^A-Za-z0-9]+/g, '-') || 'root';
  return `${name.slice(0, 24)}-${digest.slice(0, 12)}`;
}
