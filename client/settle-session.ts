// Follows a session until it is where somebody wants it, saying what it waits for meanwhile.
import type { SessionState, SessionView } from '../functions/contract.ts';
import type { Api } from './api.ts';
import { ClientError } from './errors.ts';
import type { Stage } from './output/progress.ts';

const WAIT_SECONDS = 45;

/** @throws ClientError when the session fails on the way, or is no longer wanted to get there */
export async function settleSession(
  api: Api,
  from: SessionView,
  wanted: SessionState,
  stage: Stage,
  signal?: AbortSignal,
): Promise<SessionView> {
  let session = from;
  while (session.state !== wanted) {
    signal?.throwIfAborted();
    if (session.state === 'FAILED') throw failed(session);
    if (session.want !== from.want) throw changed(session);
    stage.say(session.waitingFor ? `${session.state}: ${session.waitingFor}` : session.state);
    session = await unlessAborted(
      api.waitForSession(session.id, session.revision, WAIT_SECONDS),
      signal,
    );
  }
  return session;
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

function changed(session: SessionView): ClientError {
  return new ClientError(
    `Session ${session.name} is now wanted ${session.want} by somebody else; start it again when that is right.`,
  );
}
