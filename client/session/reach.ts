// The session running and its gateway answering through the tunnel: what both `start` and `connect` need before a relay
// makes sense. Called by serve.ts.
import type { SessionView } from '../../functions/contract.ts';
import type { Backend } from '../backend.ts';
import { systemClock } from '../clock.ts';
import { checkGateway } from './gateway-check.ts';
import type { Io } from '../io.ts';
import type { Progress, Stage } from '../output/progress.ts';
import { followUntil } from './settle.ts';
import { SessionAccess } from './access.ts';
import { askForSession } from './ask.ts';
import { settleInStages } from './settle-stages.ts';

const GATEWAY_PATIENCE_SECONDS = 120;

/** What has been begun in the cloud, for whoever has to say so when it goes no further. */
export interface Begun {
  isAsked: boolean;
  /** It has been reached, and is followed from now on. */
  isServed: boolean;
  session?: SessionView | undefined;
}

export interface Reached {
  session: SessionView;
  access: SessionAccess;
}

/** @throws ClientError, the signal's reason */
export async function reachSession(
  backend: Backend,
  begun: Begun,
  progress: Progress,
  signal: AbortSignal,
  io: Io,
): Promise<Reached> {
  const { api, settings } = backend;
  const onSeen = (session: SessionView | undefined) => {
    begun.session = session;
  };
  const asked = await progress.stage('Session', async (stage) => {
    stage.say(`asking for session ${settings.name}`);
    begun.isAsked = true;
    return await askForSession(api, settings);
  });
  onSeen(asked);
  const session = await settleInStages(asked, { api, progress, signal, io, onSeen });
  const access = await progress.stage(backend.way.stage, (stage) =>
    openWay(backend, session, { stage, onSeen, signal, io }),
  );
  return { session, access };
}

interface Way {
  stage: Stage;
  onSeen: (session: SessionView | undefined) => void;
  signal: AbortSignal;
  io: Io;
}

async function openWay(
  backend: Backend,
  session: SessionView,
  { stage, onSeen, signal, io }: Way,
): Promise<SessionAccess> {
  const { api, way } = backend;
  stage.say(way.words);
  const connection = await api.connect(session.id);
  const access = new SessionAccess({ way, connection });
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  const limits = {
    patienceSeconds: GATEWAY_PATIENCE_SECONDS,
    elapsed: io.elapsed,
    clock: systemClock,
    signal: either,
  };
  try {
    // Somebody may stop or delete it meanwhile, and then nobody will ever answer.
    const leaving = followUntil(api, session, () => false, {
      say: () => undefined,
      onSeen,
      signal: either,
    });
    await Promise.race([checkGateway(access, stage, limits), leaving]);
    return access;
  } finally {
    over.abort();
  }
}
