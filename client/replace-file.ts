// Small files that are there as a whole or as they were before, whenever their writer dies; the user's alone.
import { renameSync, writeFileSync } from 'node:fs';

/** @throws when the disk does not take it */
export function replaceFile(file: string, content: string): void {
  writeFileSync(`${file}.new`, content, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
