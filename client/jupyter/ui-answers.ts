// Waits until a UI server that has been started answers, or says why it does not: ui-server.ts and docker/ui-container.ts
// start them.
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import type { Clock } from '../clock.ts';
import { ClientError } from '../errors.ts';
import { lastLines } from '../output/last-lines.ts';

/** A Unix socket that only the relay can open, or, where there can be none, a port of this machine with a token. */
export type UiAddress = { socketPath: string } | { port: number; token: string };

export interface UiServerEnd {
  code: number;
  /** The end of its log. */
  lastLines: string;
}

export interface UiServer {
  readonly address: UiAddress;
  /** The page to open first. */
  startPath: string;
  logFile: string;
  /** Settles when the server and everything it started are gone. */
  ended: Promise<UiServerEnd>;
  stop(): Promise<void>;
}

export class UiServerError extends ClientError {
  override readonly name = 'UiServerError';
}

export interface Starting {
  /** For people: what was started. */
  name: string;
  /** Undefined while nobody knows. */
  address: () => Promise<UiAddress | undefined>;
  ended: Promise<UiServerEnd>;
  logFile: string;
  clock: Clock;
  signal: AbortSignal | undefined;
}

/** A first start of JupyterLab on a slow disk takes half a minute. */
const START_MILLISECONDS = 90_000;
const POLL_MILLISECONDS = 100;
const PROBE_MILLISECONDS = 2_000;

/**
 * @returns where it answers
 * @throws UiServerError if it ends or does not answer in time; the signal's reason if that comes first
 */
export async function untilAnswering(starting: Starting): Promise<UiAddress> {
  const { name, address, ended, logFile, clock, signal } = starting;
  const limit = new AbortController();
  const cancelLimit = clock.after(START_MILLISECONDS, () => {
    limit.abort();
  });
  const ends: UiServerEnd[] = [];
  void ended.then((end) => ends.push(end));
  try {
    for (;;) {
      const where = await address();
      if (where && (await isAnswering(where))) return where;
      signal?.throwIfAborted();
      const [end] = ends;
      if (end) throw didNotStart(name, `ended with ${end.code}`, end.lastLines);
      if (limit.signal.aborted) {
        throw didNotStart(name, 'does not answer', await logTail(logFile));
      }
      await new Promise<void>((resolve) => clock.after(POLL_MILLISECONDS, resolve));
    }
  } finally {
    cancelLimit();
  }
}

function isAnswering(address: UiAddress): Promise<boolean> {
  const where =
    'socketPath' in address
      ? address
      : {
          ...{ host: '127.0.0.1', port: address.port },
          headers: { authorization: `token ${address.token}` },
        };
  return new Promise((resolve) => {
    const probe = request({ ...where, path: '/api', timeout: PROBE_MILLISECONDS });
    probe.on('timeout', () => {
      probe.destroy();
    });
    probe.on('response', (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    probe.on('error', () => {
      resolve(false);
    });
    probe.end();
  });
}

export async function logTail(logFile: string): Promise<string> {
  return lastLines(await readFile(logFile, 'utf8').catch(() => ''), 15);
}

function didNotStart(name: string, what: string, log: string): UiServerError {
  return new UiServerError(
    `The UI server (${name}) ${what}. Start without it with --ui none. The end of its log:\n${log}`,
  );
}
