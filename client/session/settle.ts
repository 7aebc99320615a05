// Follows a session until it is where somebody wants it, saying what it waits for meanwhile.
import type { SessionState, SessionView } from '../../functions/contract.ts';
import { ApiError, type Api } from '../api/api.ts';
import { ClientError } from '../errors.ts';
import type { Stage } from '../output/progress.ts';

const WAIT_SECONDS = 45;

/** @throws ClientError when the session fails on the way, or is no longer wanted to get there */
export async function settleSession(
  api: Pick<Api, 'waitForSession'>,
  from: SessionView,
  wanted: SessionState,
  stage: Stage,
  signal?: AbortSignal,
): Promise<SessionView> {
  const say = (session: SessionView) => {
    stage.say(stateInWords(session));
  };
  return await followUntil(api, from, ({ state }) => state === wanted, { say, signal });
}

export interface Following {
  /** Called with every session that is not there yet. */
  say: (session: SessionView) => void;
  /** Called with every session; undefined when it is gone. */
  onSeen?: ((session: SessionView | undefined) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/** @throws ClientError as settleSession */
export async function followUntil(
  api: Pick<Api, 'waitForSession'>,
  from: SessionView,
  isThere: (session: SessionView) => boolean,
  { say, onSeen = () => undefined, signal }: Following,
): Promise<SessionView> {
  let session = from;
  for (;;) {
    signal?.throwIfAborted();
    onSeen(session);
    if (session.state === 'FAILED') throw failed(session);
    if (session.want !== from.want) throw changed(session);
    if (isThere(session)) return session;
    say(session);
    const news = api.waitForSession(session.id, session.revision, WAIT_SECONDS);
    session = await unlessAborted(news, signal).catch((error: unknown) => {
      if (!isGone(error)) throw error;
      onSeen(undefined);
      throw deleted(session);
    });
  }
}

export function stateInWords({ state, waitingFor }: SessionView): string {
  return waitingFor ? `${state}: ${waitingFor}` : state;
}

/** The call itself goes on until its time is over; nobody waits for it any more. */
async function unlessAborted<T>(call: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return await call;
  call.catch(() => undefined);
  const aborted = Promise.withResolvers<never>();
  const abort = () => {
    aborted.reject(signal.reason as Error);
  };
  signal.addEventListener('abort', abort);
  try {
    return await Promise.race([call, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

function failed(session: SessionView): ClientError {
  const reason = session.error?.message ?? 'the API gave no reason';
  return new ClientError(`Session ${session.name} failed: ${reason}`);
}

function isGone(error: unknown): boolean {
  return error instanceof ApiError && error.status === 'NOT_FOUND';
}

function deleted({ name }: SessionView): ClientError {
  return new ClientError(`Session ${name} was deleted meanwhile, by you or by somebody else.`);
}

function changed(session: SessionView): ClientError {
  if (session.want === 'deleted') return deleted(session);
  return new ClientError(
    `Session ${session.name} is now wanted ${session.want} by somebody else; start it again when that is right.`,
  );
}
