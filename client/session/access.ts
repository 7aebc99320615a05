// The way to the session's agent as it is now: instance, token and tunnel change when the session sleeps and wakes, the
// relay stays. connection.ts says when; relay/agent-link.ts opens its streams here.
import type { Duplex } from 'node:stream';
import { isDeepStrictEqual } from 'node:util';
import type { ConnectResponse } from '../../functions/contract.ts';
import type { Way } from '../backend.ts';
import type { AgentAccess } from '../relay/agent-link.ts';

export interface SessionAccessOptions {
  way: Pick<Way, 'open'>;
  connection: ConnectResponse;
}

export class SessionAccess implements AgentAccess {
  /** Told when a stream has broken that nobody here has ended, and when somebody wants one while the session sleeps. */
  onNeed: () => void = () => undefined;
  readonly #options: SessionAccessOptions;
  readonly #streams = new Set<Duplex>();
  #connection: ConnectResponse;
  #whyResting: string | undefined;

  constructor(options: SessionAccessOptions) {
    this.#options = options;
    this.#connection = options.connection;
  }

  get accessToken(): string {
    return this.#connection.accessToken;
  }

  /** What front-ends are told instead of the usual while the session sleeps. */
  get downMessage(): string | undefined {
    return this.#whyResting;
  }

  async connect(): Promise<Duplex> {
    if (this.#whyResting !== undefined) {
      this.onNeed();
      throw new Error(this.#whyResting);
    }
    const connection = this.#connection;
    const stream = await this.#options.way.open(connection);
    if (connection === this.#connection && this.downMessage === undefined)
      return this.#track(stream);
    stream.destroy();
    throw new Error('the session has moved meanwhile');
  }

  /** From now on this way; streams of another one are of no use any more. */
  use(connection: ConnectResponse): void {
    const isSame = isDeepStrictEqual(connection, this.#connection);
    this.#whyResting = undefined;
    if (isSame) return;
    this.#connection = connection;
    this.#drop();
  }

  /** The session sleeps: its streams are dead, and nobody tries for new ones. */
  rest(why: string): void {
    this.#whyResting = why;
    this.#drop();
  }

  #track(stream: Duplex): Duplex {
    this.#streams.add(stream);
    stream.once('close', () => {
      if (this.#streams.delete(stream) && stream.errored) this.onNeed();
    });
    return stream;
  }

  #drop(): void {
    const streams = [...this.#streams];
    this.#streams.clear();
    for (const stream of streams) stream.destroy();
  }
}
