// `datalab-client connect`: a relay to the session's kernels for other front-ends, with no pages: beside a `start` of the
// same folder, whose notebooks' kernels it shows, or alone. What happens in between is in session/serve.ts.
import { checkContentFolder } from '../content-folder.ts';
import type { Io } from '../io.ts';
import { atFolder } from '../local/place.ts';
import { serve } from '../session/serve.ts';
import { claimStart, startKey, type StartClaim, type StartKey } from '../session/start-claim.ts';
import { startOptions } from '../session/start-options.ts';
import { completeSettings } from '../settings/complete.ts';
import type { Call } from '../verbs.ts';
import { sayReady, type ReadyEvent } from '../session/start-words.ts';

export async function connect({ argument, flags }: Call, io: Io): Promise<void> {
  const complete = await completeSettings(flags, io);
  const folder = checkContentFolder(argument ?? complete.contentDir ?? '.', io.cwd);
  const settings = atFolder(complete, folder);
  const options = startOptions('connect', argument, flags, settings);
  const onReady = (ready: ReadyEvent) => {
    sayReady(ready, options, io);
    return { [Symbol.dispose]: () => undefined };
  };
  using claim = claimPlace(startKey(settings, options.name, folder));
  await serve({ folder, settings, options, claim, onReady }, io);
}

/** Several may run at once, each with a place of its own; one that comes after another has the place that it left. */
function claimPlace(key: StartKey): StartClaim {
  for (let place = 0; ; place += 1) {
    const claim = claimStart({ ...key, folder: `${key.folder}\0connect ${place}` });
    if (claim) return claim;
  }
}
