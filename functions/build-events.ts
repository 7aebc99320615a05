// What a message about a build starts. Its payload is not believed: the image is looked at, then every session that waits
// for it. Late, doubled or missing messages change nothing but the time: the reaper and whoever waits look too.
import { AppError } from './errors.ts';
import { settleBuild } from './image-look.ts';
import { taggedName } from './images.ts';
import type { Log } from './log.ts';
import { reconcileEach } from './reconcile-each.ts';
import type { ReconcileDeps } from './reconcile.ts';

/** More are left to the reaper. */
const MAX_SESSIONS = 200;

/** The event edge. What the message says is not even read. */
export function createBuildEventHandler(deps: () => ReconcileDeps, log: Log): () => Promise<void> {
  return async () => {
    try {
      await noteBuildEvent(deps());
    } catch (error) {
      if (error instanceof AppError) log.warn(error.message, { code: error.code });
      else log.bug(error, { function: 'onBuildFinished' });
      throw new Error('The build could not be looked at; send the message again.', {
        cause: error,
      });
    }
  };
}

/** @throws AppError when the image cannot be looked at: then the message comes again */
export async function noteBuildEvent(deps: ReconcileDeps): Promise<void> {
  // Other builds of the project have their messages on the same topic: no reason to build ours.
  await settleBuild(deps);
  const name = taggedName(deps.config.gatewayImage);
  await reconcileEach(await deps.store.listWaitingFor(name, MAX_SESSIONS), deps);
}
