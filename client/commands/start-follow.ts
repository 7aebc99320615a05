// A second `start` of the same session and folder: prints what the first one printed, and ends with it.
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { session } from '../../functions/contract.ts';
import { ClientError, Interrupted } from '../errors.ts';
import type { Io } from '../io.ts';
import type { StartOptions } from './start.ts';
import { createProgress } from '../output/progress.ts';
import { claimStart, readAnnouncement, type StartKey } from '../start-claim.ts';
import { sayReady, type ReadyEvent } from './start-words.ts';

const readyEvent = z.object({
  event: z.literal('ready'),
  session,
  gateway: z.object({ url: z.string(), token: z.string() }),
  ui: z.object({ url: z.string() }).nullable(),
});

const LOOK_MILLISECONDS = 200;

/** Returns when the other one has ended: after it was ready, or before, so that this one may try. */
export async function followOtherStart(
  key: StartKey,
  flags: StartOptions,
  io: Io,
): Promise<'was ready' | 'was not'> {
  using progress = createProgress(flags, io);
  const ready = await progress.stage('Other start', async (stage) => {
    stage.say('this session and folder are being started already');
    return await untilReady(key, io);
  });
  if (!ready) return 'was not';
  refuseContradictions(ready, flags);
  sayReady(ready, flags, io);
  while (!io.interrupt.aborted && !hasEnded(key)) await wait(io);
  if (!io.interrupt.aborted && !flags.quiet && !flags.json) {
    io.stderr.write('\nThe start that this one followed has ended.\n');
  }
  return 'was ready';
}

/** What this one was asked for and the other one has not. */
function refuseContradictions(ready: ReadyEvent, flags: StartOptions): void {
  const { origin, port } = new URL(ready.gateway.url);
  const wish =
    flags.ui === 'process' && !ready.ui
      ? 'with --ui none'
      : flags.port !== undefined && String(flags.port) !== port
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

function hasEnded(key: StartKey): boolean {
  using claim = claimStart(key);
  return claim !== undefined;
}

async function wait(io: Io): Promise<void> {
  await delay(LOOK_MILLISECONDS, undefined, { signal: io.interrupt }).catch(() => undefined);
}
