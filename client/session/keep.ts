// What happens to a session while a relay serves it, and what is done about it: it may sleep, wake, move, fail or be
// deleted, by idleness, by Google, or by somebody else. Called by serve.ts once everything is ready.
import type { SessionView } from '../../functions/contract.ts';
import { ApiError, type Api } from '../api/api.ts';
import { ClientError, messageOf } from '../errors.ts';
import { Connection } from './connection.ts';
import type { SessionAccess } from './access.ts';
import { SessionFollower } from './follow.ts';
import { restWords } from './live-words.ts';
import type { Live } from './live.ts';

export interface KeepOptions {
  api: Pick<Api, 'waitForSession' | 'startSession' | 'connect'>;
  session: SessionView;
  access: SessionAccess;
  probe: () => Promise<void>;
  live: Live;
  now: () => number;
  /** Calls back for each Enter until it is disposed of; undefined where nobody sits: then a sleep is the end. */
  onEnter: ((callback: () => void) => Disposable) | undefined;
  /** Gets the one that hears from the relay how requests fare. */
  onConnection: (connection: Connection) => void;
}

/** Pages ask again and again; the backend is to have its rest. */
const HURRY_MILLISECONDS = 3000;
/** A step that failed on a machine that runs, a refused suspend say, is over with the next report of its agent. */
const FAILED_PATIENCE_MILLISECONDS = 120_000;

/**
 * Resolves with a session that sleeps, where nobody could wake it.
 * @throws ClientError when it has failed or was deleted; the signal's reason
 */
export async function keepSession(options: KeepOptions, signal: AbortSignal): Promise<SessionView> {
  using keeper = new Keeper(options, signal);
  return await keeper.run();
}

class Keeper implements Disposable {
  readonly #options: KeepOptions;
  readonly #signal: AbortSignal;
  readonly #follower: SessionFollower;
  readonly #connection: Connection;
  readonly #asleep = Promise.withResolvers<SessionView>();
  #keyboard: Disposable | undefined;
  #isConnected = true;
  #isWaking = false;
  #hurriedAt = -Infinity;
  #failedTimer: NodeJS.Timeout | undefined;

  constructor(options: KeepOptions, signal: AbortSignal) {
    const { api, session, access, probe } = options;
    this.#options = options;
    this.#signal = signal;
    this.#follower = new SessionFollower(api, session, {
      onSession: (news) => {
        this.#takeNews(news);
      },
      onTrouble: (trouble) => {
        this.#takeTrouble(trouble);
      },
    });
    this.#connection = new Connection({
      ...{ api, access, probe, signal },
      sessionId: session.id,
      now: options.now,
      random: Math.random,
      onState: (connection, nextTryAt) => {
        this.#takeConnection(connection, nextTryAt);
        // Its machine may have gone to sleep.
        if (connection === 'down') this.#lookSoon();
      },
      onWanted: () => {
        this.#lookSoon();
      },
    });
    options.onConnection(this.#connection);
  }

  async run(): Promise<SessionView> {
    const { name } = this.#options.session;
    const gone = this.#follower.run(this.#signal).then(() => {
      throw new ClientError(`Session ${name} was deleted, with its kernels and its disk.`);
    });
    // Nobody listens any more when the other one has won.
    gone.catch(() => undefined);
    return await Promise.race([gone, this.#asleep.promise]);
  }

  [Symbol.dispose](): void {
    this.#connection[Symbol.dispose]();
    this.#stopListening();
    clearInterval(this.#failedTimer);
  }

  #takeNews(session: SessionView): void {
    this.#options.live.update({ session, isWakeable: false, note: undefined });
    clearInterval(this.#failedTimer);
    if (session.want === 'deleted') {
      this.#asleep.reject(new ClientError(`Session ${session.name} is being deleted.`));
    }
    switch (session.state) {
      case 'READY':
        this.#stopListening();
        if (!this.#isConnected) this.#connection.renew();
        this.#isConnected = true;
        return;
      case 'SUSPENDED':
      case 'STOPPED':
        this.#rest(session);
        return;
      case 'FAILED':
        this.#fail(session);
        return;
      default:
        // On its way somewhere: when it is READY again it may be elsewhere.
        this.#stopListening();
        this.#isConnected = false;
    }
  }

  /** While its machine runs, its kernels may, and the relay may reach them: that is given up only when it does not. */
  #fail(session: SessionView): void {
    const { name, error, instance } = session;
    const failure = new ClientError(
      `Session ${name} failed: ${error?.message ?? 'no reason given'}`,
    );
    if (instance?.status !== 'RUNNING') {
      this.#isConnected = false;
      this.#connection.rest(failure.message);
      if (!this.#offerToWake()) this.#asleep.reject(failure);
      return;
    }
    this.#stopListening();
    this.#failedTimer = setInterval(() => {
      if (this.#options.live.state.connection === 'down') this.#asleep.reject(failure);
    }, FAILED_PATIENCE_MILLISECONDS);
  }

  #rest(session: SessionView): void {
    const { name, state } = session;
    this.#isConnected = false;
    this.#connection.rest(
      `Session ${name} is ${state}: ${restWords(session)}. Wake it where datalab-client runs, or with: datalab-client start`,
    );
    if (!this.#offerToWake()) this.#asleep.resolve(session);
  }

  /** The pages stay, so that notebooks can be saved, and there may be room again later. False where nobody sits. */
  #offerToWake(): boolean {
    const { onEnter, live } = this.#options;
    if (!onEnter) return false;
    live.update({ isWakeable: true });
    this.#keyboard ??= onEnter(() => {
      void this.#wake();
    });
    return true;
  }

  async #wake(): Promise<void> {
    if (this.#isWaking) return;
    this.#isWaking = true;
    const { api, session, live } = this.#options;
    live.update({ note: 'waking it', isWakeable: false });
    try {
      this.#follower.take(await api.startSession(session.id));
    } catch (error) {
      if (!(error instanceof ClientError) || this.#signal.aborted) return;
      live.update({ note: `could not be woken (${messageOf(error)})`, isWakeable: true });
    } finally {
      this.#isWaking = false;
    }
  }

  /** Something tells that it may have changed; that somebody has woken it, for one, who now wants in. */
  #lookSoon(): void {
    const now = this.#options.now();
    if (now - this.#hurriedAt < HURRY_MILLISECONDS) return;
    this.#hurriedAt = now;
    this.#follower.hurry();
  }

  #stopListening(): void {
    this.#keyboard?.[Symbol.dispose]();
    this.#keyboard = undefined;
  }

  #takeConnection(connection: 'up' | 'down', nextTryAt: number | undefined): void {
    const { live, now } = this.#options;
    if (connection === 'up') {
      if (live.state.connection === 'down') live.update({ connection, cut: undefined });
      return;
    }
    live.update({ connection, cut: { since: live.state.cut?.since ?? now(), nextTryAt } });
  }

  #takeTrouble(error: ClientError | undefined): void {
    const { live, now } = this.#options;
    const { trouble } = live.state;
    if (!error && !trouble) return;
    live.update({
      trouble: error && { since: trouble?.since ?? now(), words: troubleWords(error) },
    });
  }
}

function troubleWords(error: ClientError): string {
  return error instanceof ApiError ? `backend refuses (${error.message})` : 'backend not reachable';
}
