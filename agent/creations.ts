// Requests that make kernels or notebook sessions, each done once however often it comes: a caller whose answer was lost
// asks again with the same key. server.ts hands it the POSTs; what was answered is on disk, so that an agent that died in
// between knows it.
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
import type { Gateway, GatewayAnswer } from './gateway.ts';

const MAX_REMEMBERED = 256;
const MAX_AGE_MILLISECONDS = 24 * 3_600_000;

const remembered = z.object({
  /** The kernels that there were before it was asked for. */
  before: z.array(z.string()),
  answer: z.object({ status: z.number(), body: z.string() }).optional(),
});
type Remembered = z.infer<typeof remembered>;

const madeKernel = z.object({ id: z.string() });
const madeSession = z.object({ path: z.string() });

export interface Creation {
  /** The caller's; the same for a request that is made again. */
  key: string;
  /** `/api/kernels` or `/api/sessions`, with the query. */
  path: string;
  body: Buffer;
}

export class Creations {
  readonly #folder: string;
  readonly #gateway: Pick<Gateway, 'create' | 'listKernels'>;
  readonly #underWay = new Map<string, Promise<GatewayAnswer>>();
  /** The last one for each notebook: two at once made two kernels. */
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(stateDir: string, gateway: Pick<Gateway, 'create' | 'listKernels'>) {
    this.#folder = join(stateDir, 'creations');
    this.#gateway = gateway;
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    this.#tidy();
  }

  /** @throws when the gateway does not answer; then it may be asked for again */
  async create(creation: Creation): Promise<GatewayAnswer> {
    const known = this.#underWay.get(creation.key);
    if (known) return await known;
    const making = this.#inTurn(creation).finally(() => {
      this.#underWay.delete(creation.key);
    });
    this.#underWay.set(creation.key, making);
    return await making;
  }

  async #inTurn(creation: Creation): Promise<GatewayAnswer> {
    const turn = turnOf(creation);
    const before = this.#turns.get(turn) ?? Promise.resolve();
    const own = before.catch(() => undefined).then(() => this.#make(creation));
    this.#turns.set(turn, own);
    try {
      return await own;
    } finally {
      if (this.#turns.get(turn) === own) this.#turns.delete(turn);
    }
  }

  async #make(creation: Creation): Promise<GatewayAnswer> {
    const file = this.#fileOf(creation.key);
    const known = read(file);
    if (known?.answer) return toAnswer(known.answer);
    const adopted = known && (await this.#adopt(known, creation));
    const before = known?.before ?? (await this.#gateway.listKernels()).map(({ id }) => id);
    if (!known) write(file, { before });
    const answer = adopted ?? (await this.#gateway.create(creation.path, creation.body));
    // A refusal is no creation: who asks again may have more luck.
    if (answer.status >= 400) rmSync(file, { force: true });
    else write(file, { before, answer: { status: answer.status, body: answer.body.toString() } });
    this.#tidy();
    return answer;
  }

  /**
   * The kernel that an agent had made for this before it died, if there is just one that may be it. Of notebook sessions the
   * gateway itself gives the one that is there.
   */
  async #adopt({ before }: Remembered, { path }: Creation): Promise<GatewayAnswer | undefined> {
    if (!/^\/api\/kernels(\?|$)/.test(path)) return undefined;
    const claimed = new Set([...before, ...this.#claimed()]);
    const candidates = (await this.#gateway.listKernels()).filter(({ id }) => !claimed.has(id));
    const [kernel] = candidates;
    if (!kernel || candidates.length > 1) return undefined;
    const model = {
      ...{ id: kernel.id, name: kernel.name, execution_state: kernel.executionState },
      ...{ last_activity: new Date(kernel.lastActivity).toISOString(), connections: 0 },
    };
    return toAnswer({ status: 201, body: JSON.stringify(model) });
  }

  #claimed(): string[] {
    return readdirSync(this.#folder).flatMap((name) => {
      const answer = read(join(this.#folder, name))?.answer;
      const made = madeKernel.safeParse(answer && parse(answer.body));
      return made.success ? [made.data.id] : [];
    });
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

/** Of one notebook one after the other. */
function turnOf({ key, body }: Creation): string {
  const session = madeSession.safeParse(parse(body.toString()));
  return session.success ? `notebook ${session.data.path}` : `key ${key}`;
}

function toAnswer({ status, body }: { status: number; body: string }): GatewayAnswer {
  return { status, headers: ['Content-Type', 'application/json'], body: Buffer.from(body) };
}

function read(file: string): Remembered | undefined {
  try {
    return remembered.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined;
  }
}

function write(file: string, content: Remembered): void {
  writeFileSync(`${file}.new`, JSON.stringify(content), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
