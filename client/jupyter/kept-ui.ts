// Starts the UI server again when it ends by itself, process or container, so that the pages come back: the relay, its
// address and the kernels have gone on meanwhile. session/start-pages.ts has its servers kept so.
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { UiServer, UiServerEnd } from './ui-answers.ts';

export interface Kept {
  /** @throws UiServerError */
  start: (signal: AbortSignal) => Promise<UiServer>;
  clock: Clock;
  /** Milliseconds on a clock that only goes forward. */
  elapsed: () => number;
  /** Told once it answers again. */
  onRestart: (end: UiServerEnd) => void;
}

/** More often than this within the time, and it is given up: what ends so often is broken. */
const RESTARTS = 3;
const WITHIN_MILLISECONDS = 60_000;
/** Before the second and the third try of a start: an engine that is itself being started again needs some time. */
const PAUSES_MILLISECONDS = [5_000, 20_000];

/**
 * @returns the first one, which stands for those that follow: its address is the present one's, its end the end of trying
 * @throws what the first start throws
 */
export async function keepUiServer(kept: Kept, signal: AbortSignal): Promise<UiServer> {
  let current = await kept.start(signal);
  const stopping = new AbortController();
  const ended = follow(current, { ...kept, stopping: stopping.signal }, (server) => {
    current = server;
  });
  return {
    get address() {
      return current.address;
    },
    startPath: current.startPath,
    logFile: current.logFile,
    ended,
    stop: async () => {
      stopping.abort(new Error('the UI server is being stopped'));
      await current.stop();
      await ended;
    },
  };
}

async function follow(
  first: UiServer,
  kept: Kept & { stopping: AbortSignal },
  onServer: (server: UiServer) => void,
): Promise<UiServerEnd> {
  const { stopping, elapsed, onRestart } = kept;
  let restarts: number[] = [];
  let server = first;
  for (;;) {
    const end = await server.ended;
    const tries = () => {
      restarts = restarts.filter((at) => elapsed() - at < WITHIN_MILLISECONDS);
      return !stopping.aborted && restarts.length < RESTARTS && restarts.push(elapsed()) > 0;
    };
    const next = await startAgain(kept, tries);
    if (!next) return end;
    if ('failure' in next) return { code: end.code, lastLines: next.failure };
    server = next.server;
    onServer(server);
    // It answered at the moment in which it was to be stopped, and nobody else knows of it.
    if (stopping.aborted) await server.stop();
    else onRestart(end);
  }
}

/** @returns undefined when there is nothing to try any more */
async function startAgain(
  { start, clock, stopping }: Kept & { stopping: AbortSignal },
  tries: () => boolean,
): Promise<{ server: UiServer } | { failure: string } | undefined> {
  let failure: string | undefined;
  for (let failures = 0; tries(); failures += 1) {
    if (failures > 0) await pause(PAUSES_MILLISECONDS[failures - 1] ?? 0, clock, stopping);
    try {
      return { server: await start(stopping) };
    } catch (error) {
      if (stopping.aborted) return undefined;
      failure = messageOf(error);
    }
  }
  return failure === undefined || stopping.aborted ? undefined : { failure };
}

function pause(milliseconds: number, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(milliseconds, resolve);
    signal.addEventListener('abort', () => {
      cancel();
      resolve();
    });
  });
}
