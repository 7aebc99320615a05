// Reads kernels, notebook sessions and kernel specs, which front-ends ask for again and again. One that is on its way is
// not asked for twice, and what is known is said when the way is down or silent. to-agent.ts calls it.
import type { ServerResponse } from 'node:http';
import type { Clock } from '../clock.ts';
import type { Answer } from './agent-calls.ts';
import { get, isSuccess, understand } from './agent-calls.ts';
import type { AgentLink } from './agent-link.ts';
import { AgentDownError } from './agent-link.ts';
import type { LastAnswers } from './last-answers.ts';
import { kernelsOfFolder, sessionsOfFolder, stripFolder } from './notebook-sessions.ts';
import { replyJson } from './replies.ts';
import type { Rewriting } from './routes.ts';
import { assertNever } from '../errors.ts';

export interface ReadsOptions {
  link: AgentLink;
  /** Stands for the content directory in the paths of notebook sessions. */
  folder: string;
  lastAnswers: LastAnswers;
  clock: Clock;
  /** After so many milliseconds without an answer, what is known is said. */
  silence: number;
}

/** Changed for this folder's front-ends, or as it came. */
type Reading = Omit<Answer, 'body'> & ({ json: unknown } | { body: Buffer });

interface UnderWay {
  reading: Promise<Reading>;
  silence: Promise<undefined>;
}

export const NO_SESSION = 'There is no such notebook session in this folder.';

const READ_PATH = /^\/api\/(kernelspecs|kernels|sessions|kernels\/[^/]+|sessions\/[^/]+)$/;

/** Is this one of those that are read here? */
export function isRead(method: string, path: string): boolean {
  return method === 'GET' && READ_PATH.test(path);
}

export class Reads {
  readonly #options: ReadsOptions;
  #underWay = new Map<string, UnderWay>();

  constructor(options: ReadsOptions) {
    this.#options = options;
  }

  /** @throws AgentDownError if the way is down and nothing is known */
  async answer(path: string, rewriting: Rewriting, response: ServerResponse): Promise<void> {
    const { lastAnswers, link } = this.#options;
    const { reading, silence } = this.#underWay.get(path) ?? this.#begin(path, rewriting);
    const known = () => (link.isResting ? undefined : lastAnswers.answer(path));
    const silent = silence.then(() => (known() === undefined ? reading : undefined));
    try {
      const read = await Promise.race([reading, silent]);
      if (read) reply(response, read);
      else replyJson(response, 200, known());
    } catch (error) {
      if (!(error instanceof AgentDownError) || known() === undefined) throw error;
      replyJson(response, 200, known());
    }
  }

  /** Something was changed: what was asked for before may not tell. */
  renew(): void {
    this.#underWay = new Map();
  }

  /** It goes on when nobody waits for it any more, so that the next one finds what has come. */
  #begin(path: string, rewriting: Rewriting): UnderWay {
    const { clock, silence: milliseconds } = this.#options;
    const { promise: silence, resolve } = Promise.withResolvers<undefined>();
    const cancel = clock.after(milliseconds, () => {
      resolve(undefined);
    });
    const all = this.#underWay;
    const isNew = () => all === this.#underWay;
    const reading = this.#read(path, rewriting, isNew).finally(() => {
      cancel();
      all.delete(path);
    });
    reading.catch(() => undefined);
    const underWay = { reading, silence };
    all.set(path, underWay);
    return underWay;
  }

  async #read(path: string, rewriting: Rewriting, isNew: () => boolean): Promise<Reading> {
    const { link, lastAnswers } = this.#options;
    const answer = await get(path, link);
    if (answer.status === 404 && isNew()) lastAnswers.forget(path);
    // The sessions second: of a kernel that is in the list, its session is then known too.
    const sessions = rewriting === 'kernelList' ? await this.#allSessions() : undefined;
    if (!isSuccess(answer) || answer.body.length === 0) return answer;
    const json = this.#change(answer, rewriting, sessions);
    if (json === undefined) {
      return { status: 404, headers: {}, json: { message: NO_SESSION, reason: 'Not Found' } };
    }
    if (isNew()) lastAnswers.remember(path, json);
    return { status: answer.status, headers: answer.headers, json };
  }

  async #allSessions(): Promise<unknown> {
    const answer = await get('/api/sessions', this.#options.link);
    // Without them nobody knows which kernels to hide.
    if (!isSuccess(answer)) throw new AgentDownError('the notebook sessions could not be listed');
    return understand(answer, (list) => list);
  }

  /** @returns undefined for what the front-end is not to see */
  #change(answer: Answer, rewriting: Rewriting, sessions: unknown): unknown {
    const { folder } = this.#options;
    switch (rewriting) {
      case 'sessionList':
        return understand(answer, (list) => sessionsOfFolder(list, folder));
      case 'oneSession':
        return understand(answer, (session) => stripFolder(session, folder));
      case 'kernelList':
        return understand(answer, (kernels) => kernelsOfFolder(kernels, sessions, folder));
      case 'kernel':
      case 'none':
        return understand(answer, (json) => json);
      default:
        return assertNever(rewriting);
    }
  }
}

function reply(response: ServerResponse, reading: Reading): void {
  const { status, headers } = reading;
  if ('json' in reading) replyJson(response, status, reading.json, headers);
  else response.writeHead(status, headers).end(reading.body);
}
