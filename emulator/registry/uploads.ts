// Blobs on their way in: what a push has sent of each so far, in files, so that a push survives the emulator's end.
import { randomUUID } from 'node:crypto';
import { createWriteStream, existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';

export interface Uploads {
  /** The id of a new one. */
  start(): string;
  /** Bytes so far; undefined: there is no such upload. */
  sizeOf(id: string): number | undefined;
  /** As it comes: what is lost on the way leaves what came before. */
  append(id: string, content: AsyncIterable<Buffer>): Promise<void>;
  fileOf(id: string): string;
  end(id: string): void;
}

export function openUploads(stateDir: string): Uploads {
  const folder = path.join(stateDir, 'registry', 'uploads');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const fileOf = (id: string) => path.join(folder, id);
  return {
    start() {
      const id = randomUUID();
      writeFileSync(fileOf(id), '', { mode: 0o600 });
      return id;
    },
    sizeOf(id) {
      const isKnown = /^[0-9a-f-]{36}$/.test(id) && existsSync(fileOf(id));
      return isKnown ? statSync(fileOf(id)).size : undefined;
    },
    append: (id, content) => pipeline(content, createWriteStream(fileOf(id), { flags: 'a' })),
    fileOf,
    end(id) {
      rmSync(fileOf(id), { force: true });
    },
  };
}
