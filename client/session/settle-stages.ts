// From the session that was asked for to one that is READY, as stages that a person can follow: its image, its instance,
// its gateway. Called by reach.ts.
import { setTimeout as delay } from 'node:timers/promises';
import type { SessionState, SessionView } from '../../functions/contract.ts';
import type { Api } from '../api/api.ts';
import { buildLogTail } from '../logs/build-log-tail.ts';
import { assertNever } from '../errors.ts';
import type { Io } from '../io.ts';
import type { Progress, Stage } from '../output/progress.ts';
import { HERE } from '../local/place.ts';
import { followUntil, stateInWords } from './settle.ts';

type StageName = 'Image' | 'Instance' | 'Gateway' | 'Session';

const FIRST_LOG_MILLISECONDS = 1500;
const LOG_MILLISECONDS = 5000;
/** A boot that takes longer makes people want to look into it. */
const LONG_BOOT_MILLISECONDS = 60_000;

export interface SettleOptions {
  api: Pick<Api, 'waitForSession' | 'imageLogs'>;
  progress: Progress;
  signal: AbortSignal;
  io: Pick<Io, 'elapsed'>;
  /** Told of every session that is seen; undefined when it is gone. */
  onSeen: (session: SessionView | undefined) => void;
}

/** @throws ClientError when the session fails on the way, is deleted, or is wanted to sleep */
export async function settleInStages(
  from: SessionView,
  options: SettleOptions,
): Promise<SessionView> {
  let session = from;
  while (session.state !== 'READY') {
    const name = stageOf(session.state);
    const before = session;
    session = await options.progress.stage(name, (stage) =>
      settleStage(name, before, stage, options),
    );
  }
  return session;
}

async function settleStage(
  name: StageName,
  from: SessionView,
  stage: Stage,
  { api, signal, io, onSeen }: SettleOptions,
): Promise<SessionView> {
  const begun = io.elapsed();
  const over = new AbortController();
  let logLine: string | undefined;
  let seen = from;
  const show = () => {
    const isLong = name === 'Gateway' && io.elapsed() - begun > LONG_BOOT_MILLISECONDS;
    const logs = from.zone === HERE ? 'logs --local' : 'logs vm';
    const more = isLong ? ` (datalab-client ${logs} shows the boot)` : '';
    stage.say(logLine === undefined ? stateInWords(seen) + more : `${seen.state}: ${logLine}`);
  };
  const onLogLine = (line: string) => {
    logLine = line;
    show();
  };
  if (name === 'Image') void tailBuild(api, onLogLine, AbortSignal.any([signal, over.signal]));
  try {
    const say = (session: SessionView) => {
      seen = session;
      show();
    };
    const isLeft = ({ state }: SessionView) => state === 'READY' || stageOf(state) !== name;
    return await followUntil(api, from, isLeft, { say, onSeen, signal });
  } finally {
    over.abort();
  }
}

async function tailBuild(
  api: Pick<Api, 'imageLogs'>,
  onLine: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  // The image of most sessions is there, and nobody asks for a log.
  let pause = FIRST_LOG_MILLISECONDS;
  while (await passes(pause, signal)) {
    pause = LOG_MILLISECONDS;
    const line = await buildLogTail(api);
    if (line !== undefined && line.trim() !== '' && !signal.aborted) onLine(line.trim());
  }
}

function passes(milliseconds: number, signal: AbortSignal): Promise<boolean> {
  return delay(milliseconds, true, { signal }).catch(() => false);
}

function stageOf(state: SessionState): StageName {
  switch (state) {
    case 'PENDING':
    case 'BUILDING_IMAGE':
      return 'Image';
    case 'CREATING':
    case 'STARTING':
    case 'RESUMING':
    case 'SUSPENDING':
    case 'STOPPING':
    case 'SUSPENDED':
    case 'STOPPED':
      return 'Instance';
    case 'BOOTING':
      return 'Gateway';
    case 'READY':
    case 'FAILED':
    case 'DELETING':
      return 'Session';
    default:
      return assertNever(state);
  }
}
