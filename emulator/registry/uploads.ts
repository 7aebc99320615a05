// Blobs on their way in: what a push has sent of each so far, in files, so that a push survives the emulator's end.
import { randomUUID } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';

export interface Uploads {
  /** The id of a new one. */
  start(): string;
  /** Bytes so far; undefined: there is no such upload. */
  sizeOf(id: string): number | undefined;
  append(id: string, content: Buffer): void;
  read(id: string): Buffer;
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
    append(id, content) {
      appendFileSync(fileOf(id), content);
    },
    read: (id) => readFileSync(fileOf(id)),
    end(id) {
      rmSync(fileOf(id), { force: true });
    },
  };
}
