// A second `start` of the same session and folder: wakes the session if it sleeps, prints what the first one printed, and
// ends with it.
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { session, type SessionView } from '../../functions/contract.ts';
import { connectBackend } from '../backend.ts';
import { ClientError, Interrupted } from '../errors.ts';
import type { Io } from '../io.ts';
import { createProgress, type Progress, type Stage } from '../output/progress.ts';
import { askForSession } from '../session/ask.ts';
import { settleInStages } from '../session/settle-stages.ts';
import type { StartOptions } from '../session/start-options.ts';
import { sayReady, type ReadyEvent } from '../session/start-words.ts';
import type { CompleteSettings } from '../settings/complete.ts';
import { claimStart, readAnnouncement, type StartKey } from '../session/start-claim.ts';

const readyEvent = z.object({
  event: z.literal('ready'),
  session,
  gateway: z.object({ url: z.string(), token: z.string() }),
  ui: z.object({ url: z.string() }).nullable(),
});

const LOOK_MILLISECONDS = 200;
const RELAY_PATIENCE_MILLISECONDS = 120_000;

/** Returns when the other one has ended: after it was ready, or before, so that this one may try. */
export async function followOtherStart(
  key: StartKey,
  settings: CompleteSettings,
  options: StartOptions,
  io: Io,
): Promise<'was ready' | 'was not'> {
  using progress = createProgress(options, io);
  const ready = await progress.stage('Other start', async (stage) => {
    stage.say('this session and folder are being started already');
    return await untilReady(key, io);
  });
  if (!ready) return 'was not';
  refuseContradictions(ready, options);
  const woken = await wakeSession(key, ready, settings, progress, io);
  if (hasEnded(key)) return 'was not';
  sayReady({ ...ready, session: woken }, options, io);
  while (!io.interrupt.aborted && !hasEnded(key)) await wait(io);
  if (!io.interrupt.aborted && !options.quiet && !options.json) {
    io.stderr.write('\nThe start that this one followed has ended.\n');
  }
  return 'was ready';
}

/** What this one was asked for and the other one has not. */
function refuseContradictions(ready: ReadyEvent, options: StartOptions): void {
  const { origin, port } = new URL(ready.gateway.url);
  const wish =
    options.ui !== 'none' && !ready.ui
      ? 'with --ui none'
      : options.port !== undefined && String(options.port) !== port
        ? `on port ${port}`
        : undefined;
  if (wish === undefined) return;
  throw new ClientError(
    `This session and folder are started already, ${wish}, at ${origin}: use that one, or end it first.`,
  );
}

/** Undefined when the other one ended before it was ready. */
async function untilReady(key: StartKey, io: Io): Promise<ReadyEvent | undefined> {
  for (;;) {
    const announced = readyEvent.safeParse(readAnnouncement(key));
    if (announced.success) return announced.data;
    if (hasEnded(key)) return undefined;
    if (io.interrupt.aborted) throw new Interrupted();
    await wait(io);
  }
}

/** The session up, and the other one's relay connected to it again. */
async function wakeSession(
  key: StartKey,
  { gateway }: ReadyEvent,
  settings: CompleteSettings,
  progress: Progress,
  io: Io,
): Promise<SessionView> {
  await using backend = await connectBackend(settings, io);
  const { api } = backend;
  const asked = await progress.stage('Session', () => askForSession(api, settings));
  const onSeen = () => undefined;
  const signal = io.interrupt;
  const woken = await settleInStages(asked, { api, progress, signal, io, onSeen });
  await progress.stage(backend.way.stage, async (stage) => {
    await untilRelayAnswers(key, gateway, stage, io);
  });
  return woken;
}

async function untilRelayAnswers(
  key: StartKey,
  { url, token }: ReadyEvent['gateway'],
  stage: Stage,
  io: Io,
): Promise<void> {
  const end = io.elapsed() + RELAY_PATIENCE_MILLISECONDS;
  while (!(await isAnswering(url, token))) {
    io.interrupt.throwIfAborted();
    if (hasEnded(key)) return;
    if (io.elapsed() > end) {
      throw new ClientError(
        `The start that runs already, at ${url}, does not reach the kernels: end it and start again.`,
      );
    }
    stage.say('the start that runs already, to connect again');
    await wait(io);
  }
}

async function isAnswering(url: string, token: string): Promise<boolean> {
  const headers = { authorization: `token ${token}` };
  const answer = await fetch(`${url}/api/kernels`, { headers }).catch(() => undefined);
  await answer?.body?.cancel();
  return answer?.ok === true;
}

function hasEnded(key: StartKey): boolean {
  using claim = claimStart(key);
  return claim !== undefined;
}

async function wait(io: Io): Promise<void> {
  await delay(LOOK_MILLISECONDS, undefined, { signal: io.interrupt }).catch(() => undefined);
}
