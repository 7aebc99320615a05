// What is kept of a local session: for which folder it is, and what was asked for. api.ts writes it before
// anything is brought up.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import { ClientError, messageOf } from '../errors.ts';
import { replaceFile } from '../replace-file.ts';
import { localFolder, placeOf, type LocalPlace } from './place.ts';

const localRecord = z.object({
  /** CONTENT_DIR, which the kernels see. */
  folder: z.string().min(1),
  createTime: z.iso.datetime(),
  /** Another gateway image than ours, if one was asked for. */
  image: z.string().optional(),
  idleTimeoutSeconds: z.int().positive().optional(),
});
export type LocalRecord = z.infer<typeof localRecord>;

/** Undefined: there is no such session. @throws ClientError when it cannot be read */
export function readRecord({ recordFile }: LocalPlace): LocalRecord | undefined {
  if (!existsSync(recordFile)) return undefined;
  try {
    return localRecord.parse(JSON.parse(readFileSync(recordFile, 'utf8')));
  } catch (error) {
    throw new ClientError(
      `${recordFile} cannot be read (${messageOf(error)}); without it, and its containers, the session is gone.`,
    );
  }
}

export function writeRecord({ recordFile }: LocalPlace, record: LocalRecord): void {
  replaceFile(recordFile, `${JSON.stringify(record)}\n`);
}

/** Of all local sessions of this state folder. */
export function localNames(stateDir: string): string[] {
  const folder = localFolder(stateDir);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => existsSync(placeOf(stateDir, name).recordFile))
    .sort();
}
