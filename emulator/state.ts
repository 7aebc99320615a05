// What outlives the emulator: one JSON file per service in the state folder, replaced atomically, so that
// kill -9 at any moment leaves the old or the new content and never half of it.
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { z } from 'zod';

export interface StateFile<T> {
  /** Change it in place, then `save` before anybody hears of the change. */
  readonly value: T;
  save(): void;
}

/** @throws Error that names the file when what is in it is not ours. */
export function openStateFile<T>(
  file: string,
  schema: z.ZodType<T>,
  initial: () => NoInfer<T>,
): StateFile<T> {
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  const stored = read(file);
  const value = stored === undefined ? initial() : check(file, stored, schema);
  const state = {
    value,
    save: () => {
      writeAtomically(file, JSON.stringify(value));
    },
  };
  if (stored === undefined) state.save();
  return state;
}

/** Readable by its owner only: tokens and keys are among what is written. */
export function writeAtomically(file: string, content: string | Buffer): void {
  const next = `${file}.new`;
  rmSync(next, { force: true });
  writeFileSync(next, content, { mode: 0o600 });
  renameSync(next, file);
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function check<T>(file: string, stored: string, schema: z.ZodType<T>): T {
  try {
    return schema.parse(JSON.parse(stored));
  } catch (cause) {
    throw new Error(
      `${file} was not written by this version of the emulator. Remove the state folder to start afresh.`,
      { cause },
    );
  }
}
