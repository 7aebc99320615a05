// Writes buffers to a file, all of them: a disk that fills up takes a part and says so only when asked again. segment.ts and
// compaction.ts write with it.
import { writevSync } from 'node:fs';

/** @returns how many bytes that were. @throws when the disk does not take them all */
export function writeAll(file: number, parts: readonly Buffer[], position: number): number {
  let rest = [...parts];
  let at = position;
  while (rest.length > 0) {
    let written = writevSync(file, rest, at);
    at += written;
    rest = rest.flatMap((part) => {
      const done = Math.min(written, part.length);
      written -= done;
      return done === part.length ? [] : [part.subarray(done)];
    });
  }
  return at - position;
}
