// How an answer of the agent is waited for, and what it says to people when it is none. agent-link.ts asks.
import type { Dispatcher } from 'undici';
import { z } from 'zod';

/** In the form of Jupyter's own errors. */
const refusal = z.object({ message: z.string().min(1).max(1_000) });

/** undici never sends what was aborted while it connects, but it says so only when connecting has ended. */
export function unlessAborted<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => {
    reject(signal.reason as Error);
  };
  signal.addEventListener('abort', onAbort);
  return Promise.race([answer, aborted]).finally(() => {
    signal.removeEventListener('abort', onAbort);
  });
}

/** Of the 503 that the agent itself gives; what others say, whoever they are, is no word of ours. */
export async function wordsOf(answer: Dispatcher.ResponseData): Promise<string | undefined> {
  const isOurs =
    answer.statusCode === 503 && String(answer.headers['content-type']) === 'application/json';
  if (!isOurs) {
    await answer.body.dump();
    return undefined;
  }
  const json: unknown = await answer.body.json().catch(() => undefined);
  return refusal.safeParse(json).data?.message;
}
