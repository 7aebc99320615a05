// Requests that make kernels, each done once however often it comes: a caller whose answer was lost asks again with the
// same key. server.ts hands them over; creation-records.ts remembers them, made-before.ts finds what an earlier try has made.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from './clock.ts';
import type { CreationRecord } from './creation-records.ts';
import { CreationRecords } from './creation-records.ts';
import type { Gateway, GatewayAnswer } from './gateway.ts';
import { wasNeverSent } from './gateway.ts';
import { findMade, UnsettledError } from './made-before.ts';

/** Longer than a gateway takes to start a kernel: a request that has left no trace by then has failed. */
const TRACE_MILLISECONDS = 120_000;

const wish = z.object({
  path: z.string().optional().catch(undefined),
  /** The form of before 2017, still sent. */
  notebook: z.object({ path: z.string() }).optional().catch(undefined),
  name: z.string().optional().catch(undefined),
});

const NOT_YET =
  'The connection broke while this kernel was made, and there is no sign of it yet. Try again in a moment.';
const ANOTHER_IS_MADE =
  'A kernel may be on its way for this notebook: the connection broke when it was asked for. Try again in a moment.';

export interface Creation {
  /** The caller's; the same for a request that is made again. */
  key: string;
  method: 'POST' | 'PATCH';
  /** `/api/kernels`, `/api/sessions` or one of the latter, with the query. */
  path: string;
  body: Buffer;
}

type What = Pick<CreationRecord, 'kind' | 'subject' | 'kernelName'>;

export class Creations {
  readonly #records: CreationRecords;
  readonly #gateway: Pick<Gateway, 'call' | 'read' | 'startedAt'>;
  readonly #clock: Pick<Clock, 'sinceBoot' | 'bootId'>;
  readonly #underWay = new Map<string, Promise<GatewayAnswer>>();
  /** The last one for each notebook: two at once made two kernels. */
  readonly #turns = new Map<string, Promise<unknown>>();
  /** Keys for which the gateway has been asked and has not answered yet. */
  readonly #sent = new Set<string>();
  readonly #claimed = new Set<string>();

  constructor(
    stateDir: string,
    gateway: Pick<Gateway, 'call' | 'read' | 'startedAt'>,
    clock: Pick<Clock, 'sinceBoot' | 'bootId'>,
  ) {
    this.#records = new CreationRecords(stateDir);
    this.#gateway = gateway;
    this.#clock = clock;
  }

  /** @throws when the gateway does not answer, or UnsettledError; then it may be asked for again */
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
    const what = whatOf(creation);
    // Kernels without a notebook are made side by side.
    const turn = what.kind === 'kernel' ? `key ${creation.key}` : `${what.kind} ${what.subject}`;
    const before = this.#turns.get(turn) ?? Promise.resolve();
    const own = before.catch(() => undefined).then(() => this.#makeOnce(creation, what));
    this.#turns.set(turn, own);
    try {
      return await own;
    } finally {
      if (this.#turns.get(turn) === own) this.#turns.delete(turn);
    }
  }

  async #makeOnce(creation: Creation, what: What): Promise<GatewayAnswer> {
    const { key } = creation;
    const earlier = this.#records.read(key);
    if (earlier?.answer) return toAnswer(earlier.answer);
    const gateway = await this.#gateway.startedAt();
    const made = earlier?.gateway === gateway && earlier && (await this.#find(key, earlier));
    if (made) {
      this.#keep(key, earlier, made);
      return made;
    }
    if (what.kind !== 'kernel') await this.#letOthersSettle(key, what, gateway);
    return await this.#make(creation, { ...what, gateway, before: await this.#kernelsNow() });
  }

  /** @throws UnsettledError while what an earlier try has begun may still come */
  async #find(key: string, earlier: CreationRecord): Promise<GatewayAnswer | undefined> {
    const made = await this.#look(key, earlier);
    if (!made && this.#isYoung(earlier)) throw new UnsettledError(NOT_YET);
    return made;
  }

  /** The gateway itself does not know of a notebook's session before its kernel runs. */
  async #letOthersSettle(key: string, what: What, gateway: string | undefined): Promise<void> {
    for (const other of this.#records.others(key)) {
      const isOfThis = other.kind === what.kind && other.subject === what.subject;
      if (!isOfThis || other.answer || other.gateway !== gateway || !this.#isYoung(other)) continue;
      if (!(await this.#look(key, other))) throw new UnsettledError(ANOTHER_IS_MADE);
    }
  }

  async #look(key: string, earlier: CreationRecord): Promise<GatewayAnswer | undefined> {
    return await findMade({
      ...{ gateway: this.#gateway, claimed: this.#claimed, earlier },
      others: () => this.#records.others(key),
      isBusy: () => this.#sent.size > 0,
    });
  }

  async #make(
    { key, method, path, body }: Creation,
    about: Omit<CreationRecord, 'sentAt' | 'bootId'>,
  ): Promise<GatewayAnswer> {
    const record = {
      ...about,
      ...{ sentAt: this.#clock.sinceBoot(), bootId: this.#clock.bootId() },
    };
    this.#records.write(key, record);
    this.#sent.add(key);
    try {
      const answer = await this.#gateway.call(method, path, body);
      this.#keep(key, record, answer);
      return answer;
    } catch (error) {
      if (wasNeverSent(error)) this.#records.remove(key);
      throw error;
    } finally {
      this.#sent.delete(key);
    }
  }

  #keep(key: string, record: CreationRecord, { status, body }: GatewayAnswer): void {
    // A refusal is no creation: who asks again may have more luck.
    if (status >= 400) this.#records.remove(key);
    else this.#records.write(key, { ...record, answer: { status, body: body.toString() } });
  }

  async #kernelsNow(): Promise<string[]> {
    const kernels = z.array(z.object({ id: z.string() }));
    return kernels.parse(await this.#gateway.read('/api/kernels')).map(({ id }) => id);
  }

  /** What was on its way when the machine was booted anew has ended with it. */
  #isYoung({ sentAt, bootId }: CreationRecord): boolean {
    if (bootId !== this.#clock.bootId()) return false;
    return this.#clock.sinceBoot() - sentAt < TRACE_MILLISECONDS;
  }
}

function whatOf({ key, path, body }: Creation): What {
  const { pathname } = new URL(path, 'http://gateway');
  const [, , collection, id] = pathname.split('/');
  const { path: given, notebook, name: kernelName } = wish.safeParse(parse(body)).data ?? {};
  if (id !== undefined) return { kind: 'change', subject: id };
  if (collection === 'sessions') {
    // Without a path the gateway will refuse it.
    return { kind: 'session', subject: notebook?.path ?? given ?? key };
  }
  const subject = createHash('sha256').update(body).digest('hex');
  return { kind: 'kernel', subject, kernelName };
}

function toAnswer({ status, body }: { status: number; body: string }): GatewayAnswer {
  return { status, headers: ['Content-Type', 'application/json'], body: Buffer.from(body) };
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}
