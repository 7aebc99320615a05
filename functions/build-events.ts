// What a message about a build starts. Its payload is not believed: the image is looked at, then every session that waits
// for it. Late, doubled or missing messages change nothing but the time: the reaper and whoever waits look too.
import { reconcileImage } from './image-reconcile.ts';
import { taggedName } from './images.ts';
import { reconcileEach } from './reconcile-each.ts';
import type { ReconcileDeps } from './reconcile.ts';

/** More are left to the reaper. */
const MAX_SESSIONS = 200;

/** @throws AppError when the image cannot be looked at: then the message comes again */
export async function noteBuildEvent(deps: ReconcileDeps): Promise<void> {
  const { registry, images, config, store } = deps;
  const name = taggedName(config.gatewayImage);
  // Other builds of the project have their messages on the same topic.
  if (!(await images.getImage(name))) return;
  const isThere = (await registry.findPinned(config.gatewayImage)) !== undefined;
  await reconcileImage(deps, isThere);
  await reconcileEach(await store.listWaitingFor(name, MAX_SESSIONS), deps);
}
