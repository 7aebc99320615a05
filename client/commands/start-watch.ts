// What becomes of the session while `start` runs: it goes to sleep when nobody uses it, and others may end it.
import { setTimeout as delay } from 'node:timers/promises';
import type { SessionView } from '../../functions/contract.ts';
import { ApiError, type Api } from '../api.ts';
import { ClientError } from '../errors.ts';

const LOOK_MILLISECONDS = 15_000;

/** Settles with why the session cannot be used any more, in words. A look that fails says nothing about it. */
export async function untilGone(
  api: Pick<Api, 'getSession'>,
  { id, name }: SessionView,
  signal: AbortSignal,
): Promise<string> {
  for (;;) {
    await delay(LOOK_MILLISECONDS, undefined, { signal });
    try {
      const reason = reasonOf(await api.getSession(id));
      if (reason !== undefined) return reason;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ApiError && error.status === 'NOT_FOUND') return deleted(name);
      if (!(error instanceof ClientError)) throw error;
    }
  }
}

function reasonOf({ name, want, state, error }: SessionView): string | undefined {
  if (state === 'FAILED') return `Session ${name} failed: ${error?.message ?? 'no reason given'}`;
  switch (want) {
    case 'running':
      return undefined;
    case 'suspended':
      return `Session ${name} sleeps, with its kernels and their variables.`;
    case 'stopped':
      return `Session ${name} was stopped: its files are kept, its kernels are gone.`;
    case 'deleted':
      return deleted(name);
  }
}

function deleted(name: string): string {
  return `Session ${name} was deleted.`;
}
