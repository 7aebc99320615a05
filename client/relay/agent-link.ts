// The way to the agent: opens streams through the tunnel, bounds how long that takes, and knows whether the way is up.
// to-agent.ts sends HTTP over it, sockets.ts WebSockets.
import type { Duplex } from 'node:stream';
import type { Socket } from 'node:net';
import { Pool } from 'undici';
import type { Dispatcher } from 'undici';
import type { Clock } from '../clock.ts';
import type { RelayTimings } from './timings.ts';
import { unlessAborted, wordsOf } from './agent-answers.ts';
import { CallsUnderWay, isOutdated } from './calls-under-way.ts';

export interface AgentAccess {
  /** Opens one stream to the agent's port; every call another one. */
  connect(): Promise<Duplex>;
  /** The session's access token, which the agent asks of every connection. */
  readonly accessToken: string;
  /** What front-ends are told instead of the usual while there is no way: that the session sleeps, say. */
  readonly downMessage?: string | undefined;
}

export interface AgentLinkOptions {
  agent: AgentAccess;
  clock: Clock;
  onState: (state: 'up' | 'down') => void;
  /** Told once of what only a person can mend. */
  onTrouble?: ((words: string) => void) | undefined;
  timings: Pick<RelayTimings, 'answer' | 'read' | 'change' | 'create'>;
}

export interface AgentCall {
  method: string;
  path: string;
  headers: string[];
  body?: Dispatcher.RequestOptions['body'];
  isInterrupt?: boolean;
  /** Insisted on as long as on this method; by default its own. */
  insistAs?: string | undefined;
  signal?: AbortSignal;
}

/** The way to the gateway is down: front-ends get 503 and try again. */
export class AgentDownError extends Error {
  override name = 'AgentDownError';
  /** What the agent itself said of it to people, if it could be asked. */
  readonly words: string | undefined;

  constructor(message: string, options: { cause?: unknown; words?: string | undefined } = {}) {
    super(message, { cause: options.cause });
    this.words =
      options.words ?? (options.cause instanceof AgentDownError ? options.cause.words : undefined);
  }
}

/** What a front-end reads while the way to the gateway is down. */
const AGENT_DOWN_MESSAGE =
  'The kernels cannot be reached at the moment. The connection is being made again; see: datalab-client status';

/** Name under which requests are sent; the gateway takes only loopback names. */
const AGENT_ORIGIN = 'http://localhost:8888';

/** Longer than a tunnel takes to open, shorter than a person waits. */
const CONNECT_MILLISECONDS = 20_000;
/** A notebook session's POST answers when its kernel has started, which may read from a cold disk. */
const ANSWER_MILLISECONDS = 300_000;
/** A late interrupt hits the wrong cell. */
const INTERRUPT_MILLISECONDS = 5_000;

/** Between two tries of a call that may be repeated. */
const FIRST_PAUSE_MILLISECONDS = 200;
const LONGEST_PAUSE_MILLISECONDS = 5_000;

const PROBE_MILLISECONDS = 10_000;

/** Statuses of the agent that say something about the way and not about what was asked for. */
const WAY_IS_DOWN = [401, 502, 503, 504];

export class AgentLink {
  readonly #options: AgentLinkOptions;
  readonly #pool: Pool;
  #state: 'up' | 'down' | undefined;
  #trouble: string | undefined;
  readonly #listeners = new Set<() => void>();
  readonly #streams = new Set<Duplex>();
  readonly #underWay = new CallsUnderWay();

  constructor(options: AgentLinkOptions) {
    this.#options = options;
    this.#pool = new Pool(AGENT_ORIGIN, {
      connect: (_options, callback) => {
        this.openStream().then(
          (stream) => {
            // undici uses of a socket what every Duplex has; it looks before it calls anything else.
            callback(null, stream as unknown as Socket);
          },
          (error: unknown) => {
            callback(error as Error, null);
          },
        );
      },
      // Each is a tunnel of its own, kept for the next request.
      connections: 16,
      allowH2: false,
      headersTimeout: ANSWER_MILLISECONDS,
      bodyTimeout: options.timings.answer,
    });
  }

  get accessToken(): string {
    return this.#options.agent.accessToken;
  }

  get downMessage(): string {
    return this.#options.agent.downMessage ?? this.#trouble ?? AGENT_DOWN_MESSAGE;
  }

  /** Resolves when the agent answers. @throws AgentDownError */
  async probe(): Promise<void> {
    const limit = AbortSignal.timeout(PROBE_MILLISECONDS);
    const headers = ['authorization', `Bearer ${this.accessToken}`];
    const path = '/api/kernels';
    const answer = await this.request({ method: 'GET', path, headers, signal: limit });
    await answer.body.dump();
  }

  /** @throws AgentDownError if the agent cannot be reached, does not answer, or cannot reach the gateway */
  async request(call: AgentCall): Promise<Dispatcher.ResponseData> {
    return await this.#request(call, false);
  }

  /**
   * As `request`, and again while the way is down, for as long as its front-end may wait. The call must be one that may be
   * repeated.
   * @param use of each answer; what it throws counts as no answer
   * @param onRepeat told before each try but the first
   * @throws AgentDownError at once while the session rests: then nobody tries for a way
   */
  async insist<T>(
    call: AgentCall & { body?: Buffer | null },
    use: (answer: Dispatcher.ResponseData) => T | Promise<T>,
    onRepeat: () => void = () => undefined,
  ): Promise<T> {
    const patience = this.#patienceFor(call.insistAs ?? call.method);
    const end = patience === 0 ? AbortSignal.abort() : AbortSignal.timeout(patience);
    for (
      let pause = FIRST_PAUSE_MILLISECONDS;
      ;
      pause = Math.min(2 * pause, LONGEST_PAUSE_MILLISECONDS)
    ) {
      try {
        return await use(await this.#request(call, true));
      } catch (error) {
        const isOver = end.aborted && !isOutdated(error);
        if (isOver || call.signal?.aborted || this.isResting) throw error;
        await this.#untilWorthIt(pause * (0.5 + Math.random() / 2));
        onRepeat();
      }
    }
  }

  /** @param mayRepeat whether it may be given up before its answer begins */
  async #request(call: AgentCall, mayRepeat: boolean): Promise<Dispatcher.ResponseData> {
    const limit = new AbortController();
    const cancel = this.#options.clock.after(this.#limitFor(call), () => {
      limit.abort(new AgentDownError('no answer in time'));
    });
    const signal = AbortSignal.any([limit.signal, ...(call.signal ? [call.signal] : [])]);
    if (mayRepeat) this.#underWay.add(limit);
    try {
      const answer = await unlessAborted(this.#send(call, signal), signal);
      this.#underWay.delete(limit);
      this.#underWay.add(limit);
      answer.body.once('close', () => {
        this.#underWay.delete(limit);
      });
      return await this.#accept(answer);
    } catch (error) {
      this.#underWay.delete(limit);
      // A front-end that went away says nothing about the way, and a call by an earlier way nothing about this one.
      if (!call.signal?.aborted && !isOutdated(error)) this.#setState('down');
      throw new AgentDownError('the agent does not answer', { cause: error });
    } finally {
      cancel();
    }
  }

  #limitFor({ method, isInterrupt = false }: AgentCall): number {
    if (isInterrupt) return INTERRUPT_MILLISECONDS;
    return method === 'GET' || method === 'HEAD'
      ? this.#options.timings.answer
      : ANSWER_MILLISECONDS;
  }

  #patienceFor(method: string): number {
    const { read, change, create } = this.#options.timings;
    if (method === 'POST') return create;
    return method === 'GET' || method === 'HEAD' ? read : change;
  }

  /** The session sleeps: nothing is to be expected. */
  get isResting(): boolean {
    return this.#options.agent.downMessage !== undefined;
  }

  /** @throws AgentDownError if there is no stream in time */
  async openStream(): Promise<Duplex> {
    const opening = this.#options.agent.connect();
    const { promise: tooLate, reject } = Promise.withResolvers<never>();
    const cancel = this.#options.clock.after(CONNECT_MILLISECONDS, () => {
      // A stream that opens later has nobody to use it.
      opening.then(
        (stream) => stream.destroy(),
        () => undefined,
      );
      reject(new AgentDownError('no connection in time'));
    });
    try {
      const stream = await Promise.race([opening, tooLate]);
      this.#streams.add(stream);
      stream.once('close', () => this.#streams.delete(stream));
      return stream;
    } catch (error) {
      this.#setState('down');
      throw new AgentDownError('no connection', { cause: error });
    } finally {
      cancel();
    }
  }

  /** For whoever used a stream of `openStream` and got an answer. */
  reportUp(): void {
    this.#trouble = undefined;
    this.#setState('up');
  }

  /** For whoever got a stream of `openStream` and no answer, or one that says that there is no way further. */
  reportDown(): void {
    this.#setState('down');
  }

  /** The agent is there, and no channel can be had of it: said once, and to front-ends until one can be had. */
  reportTrouble(words: string): void {
    if (this.#trouble === words) return;
    this.#trouble = words;
    this.#options.onTrouble?.(words);
  }

  /** Calls back whenever something shows that there is a way; returns what ends that. */
  whenUp(callback: () => void): () => void {
    this.#listeners.add(callback);
    return () => {
      this.#listeners.delete(callback);
    };
  }

  /** What is open is taken for dead, and whoever waits for a way tries at once. */
  renew(): void {
    this.#underWay.giveUp();
    for (const stream of [...this.#streams]) stream.destroy();
    for (const callback of [...this.#listeners]) callback();
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  /** After a pause, or as soon as something shows that there is a way. */
  async #untilWorthIt(milliseconds: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const end = () => {
        cancel();
        stopListening();
        resolve();
      };
      const cancel = this.#options.clock.after(milliseconds, end);
      const stopListening = this.whenUp(end);
    });
  }

  #send(call: AgentCall, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const { method, path, headers, body = null } = call;
    return this.#pool.request({ method, path, headers, body, signal });
  }

  async #accept(answer: Dispatcher.ResponseData): Promise<Dispatcher.ResponseData> {
    if (!WAY_IS_DOWN.includes(answer.statusCode)) {
      this.#setState('up');
      return answer;
    }
    const words = await wordsOf(answer);
    throw new AgentDownError(`the agent answered ${answer.statusCode}`, { words });
  }

  #setState(state: 'up' | 'down'): void {
    if (state === 'up') for (const callback of [...this.#listeners]) callback();
    if (this.#state === state) return;
    this.#state = state;
    if (state === 'up') this.#underWay.wayCameUp();
    else this.#underWay.wayWentDown();
    this.#options.onState(state);
  }
}
