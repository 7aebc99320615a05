// What the agent remembers of the requests that make kernels, on disk: one file each, found by its caller's key, so that
// an agent that died in between knows what was asked for. creations.ts writes them, made-before.ts goes by them.
import { createHash } from 'node:crypto';
import {
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const MAX_REMEMBERED = 256;
const MAX_AGE_MILLISECONDS = 24 * 3_600_000;

const record = z.object({
  /** A kernel, a notebook session with its kernel, or another kernel for a session that is there. */
  kind: z.enum(['kernel', 'session', 'change']),
  /** The notebook's path or the session; of a kernel a digest of what was asked for. */
  subject: z.string(),
  /** The kernel's kind, such as `python3`, if one was asked for. */
  kernelName: z.string().optional(),
  /** Ids of the kernels that there were before. */
  before: z.array(z.string()),
  /** When the gateway said that it was started; one that was started since knows nothing of this. */
  gateway: z.string().optional(),
  /** Milliseconds since that boot. */
  sentAt: z.number(),
  /** Of an older agent: unknown. */
  bootId: z.string().optional(),
  answer: z.object({ status: z.number(), body: z.string() }).optional(),
});

export type CreationRecord = z.infer<typeof record>;

export class CreationRecords {
  readonly #folder: string;

  constructor(stateDir: string) {
    this.#folder = join(stateDir, 'creations');
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    this.#tidy();
  }

  read(key: string): CreationRecord | undefined {
    return readRecord(this.#fileOf(key));
  }

  write(key: string, content: CreationRecord): void {
    const file = this.#fileOf(key);
    writeFileSync(`${file}.new`, JSON.stringify(content), { mode: 0o600 });
    renameSync(`${file}.new`, file);
    this.#tidy();
  }

  remove(key: string): void {
    rmSync(this.#fileOf(key), { force: true });
  }

  /** All but that of `key`. */
  others(key: string): CreationRecord[] {
    const own = this.#fileOf(key);
    return readdirSync(this.#folder)
      .filter((name) => !name.endsWith('.new'))
      .map((name) => join(this.#folder, name))
      .flatMap((file) => (file === own ? [] : (readRecord(file) ?? [])));
  }

  #tidy(): void {
    const now = Date.now();
    const files = readdirSync(this.#folder)
      .map((name) => ({ name, at: statSync(join(this.#folder, name)).mtimeMs }))
      .sort((one, other) => other.at - one.at);
    for (const [index, { name, at }] of files.entries()) {
      if (index < MAX_REMEMBERED && now - at < MAX_AGE_MILLISECONDS) continue;
      rmSync(join(this.#folder, name), { force: true });
    }
  }

  #fileOf(key: string): string {
    return join(this.#folder, createHash('sha256').update(key).digest('hex').slice(0, 32));
  }
}

function readRecord(file: string): CreationRecord | undefined {
  try {
    return record.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined;
  }
}
