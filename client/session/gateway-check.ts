// The same check as ever: does the gateway answer `/api/kernelspecs` through the tunnel?
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { ClientError, messageOf } from '../errors.ts';
import type { Stage } from '../output/progress.ts';
import { RELAY_TIMINGS } from '../relay/timings.ts';
import { AgentLink, type AgentAccess } from '../relay/agent-link.ts';
import { TunnelError } from '../tunnel/errors.ts';

const kernelspecs = z.object({
  default: z.string(),
  kernelspecs: z.record(z.string(), z.unknown()),
});

const TRY_SECONDS = 10;
const PERMISSION_SECONDS = 60;

/**
 * Tries until the gateway answers, saying why it has not yet.
 * @throws ClientError with the last reason after `patienceSeconds`
 */
export async function checkGateway(
  agent: AgentAccess,
  stage: Stage,
  limits: { patienceSeconds: number; elapsed: () => number; clock: Clock; signal: AbortSignal },
): Promise<void> {
  const link = new AgentLink({
    ...{ agent, clock: limits.clock, timings: RELAY_TIMINGS },
    onState: () => undefined,
  });
  try {
    await askUntilAnswered(link, stage, limits);
  } finally {
    await link.close();
  }
}

async function askUntilAnswered(
  link: AgentLink,
  stage: Stage,
  limits: { patienceSeconds: number; elapsed: () => number; signal: AbortSignal },
): Promise<void> {
  const begun = limits.elapsed();
  const end = begun + limits.patienceSeconds * 1000;
  for (let attempt = 0; ; attempt += 1) {
    try {
      await askOnce(link, limits.signal);
      return;
    } catch (error) {
      limits.signal.throwIfAborted();
      const cause = rootOf(error);
      if (isFinal(cause, limits.elapsed() - begun)) throw new ClientError(messageOf(cause));
      const reason = messageOf(cause);
      if (limits.elapsed() > end) {
        throw new ClientError(
          `The gateway did not answer through the tunnel within ${limits.patienceSeconds} s: ${reason}`,
        );
      }
      stage.say(reason);
      const milliseconds = Math.min(250 * 2 ** attempt, 4000) * (0.75 + Math.random() / 2);
      await delay(milliseconds, undefined, { signal: limits.signal });
    }
  }
}

async function askOnce(link: AgentLink, signal: AbortSignal): Promise<void> {
  const timeout = AbortSignal.any([signal, AbortSignal.timeout(TRY_SECONDS * 1000)]);
  const reply = await link.request({
    method: 'GET',
    path: '/api/kernelspecs',
    headers: ['authorization', `Bearer ${link.accessToken}`],
    signal: timeout,
  });
  const body = await reply.body.text();
  if (reply.statusCode !== 200) throw new Error(`the agent answered HTTP ${reply.statusCode}`);
  if (Object.keys(kernelspecs.parse(JSON.parse(body)).kernelspecs).length === 0) {
    throw new ClientError('The gateway has no kernels: its image lacks a kernelspec.');
  }
}

/** The innermost reason: what the tunnel or the network said. */
function rootOf(error: unknown): unknown {
  // A TunnelError is in words for a person; what is below it is not.
  if (error instanceof TunnelError || !(error instanceof Error)) return error;
  return error.cause === undefined ? error : rootOf(error.cause);
}

/** Whether trying again is no use. A permission that was just granted takes a while to be known everywhere. */
function isFinal(error: unknown, elapsedMilliseconds: number): boolean {
  if (error instanceof ClientError) return true;
  if (!(error instanceof TunnelError) || error.retryable) return false;
  return error.reason !== 'notAllowed' || elapsedMilliseconds > PERMISSION_SECONDS * 1000;
}
