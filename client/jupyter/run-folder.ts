// A folder for one run of a UI server and its socket: the user's alone, and named by the client's process, so that what one
// that was killed has left is found.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { isAlive } from '../is-alive.ts';

/** `sun_path` holds 108 bytes; names of temporary folders can be long on some systems. */
const MAX_SOCKET_PATH_BYTES = 100;
const NAME = /^datalab-(\d+)-\w{6}$/;

/** @param wanted where to make it if a socket's path then fits, the best place first */
export async function makeRunFolder(wanted: readonly string[], pid: number): Promise<string> {
  const fits = (parent: string) =>
    Buffer.byteLength(path.join(parent, `datalab-${pid}-XXXXXX`, 'ui')) <= MAX_SOCKET_PATH_BYTES;
  const parent = wanted.find(fits) ?? '/tmp';
  // mkdtemp makes it for its owner alone (0700).
  return await mkdtemp(path.join(parent, `datalab-${pid}-`));
}

/** Those of clients that are gone; other users' cannot be removed, nor need they be. */
export async function removeOldRunFolders(parent: string): Promise<void> {
  const names = await readdir(parent).catch(() => []);
  for (const name of names) {
    const pid = NAME.exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    await rm(path.join(parent, name), { recursive: true, force: true }).catch(() => undefined);
  }
}
