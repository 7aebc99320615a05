// `datalab-client start`: a session, its relay and the notebook pages, until Ctrl-C. One per session and folder: a second
// one follows the first (start-follow.ts). What happens in between is in session/serve.ts.
import { openBrowser } from '../browser.ts';
import { checkContentFolder } from '../content-folder.ts';
import type { Io } from '../io.ts';
import { atFolder } from '../local/place.ts';
import { serve } from '../session/serve.ts';
import { startOptions, type StartOptions } from '../session/start-options.ts';
import { completeSettings } from '../settings/complete.ts';
import { claimStart, startKey, type StartClaim } from '../session/start-claim.ts';
import type { Call } from '../verbs.ts';
import { followOtherStart } from './start-follow.ts';
import { sayReady, type ReadyEvent } from '../session/start-words.ts';

export async function start({ argument, flags }: Call, io: Io): Promise<void> {
  const complete = await completeSettings(flags, io);
  const folder = checkContentFolder(argument ?? complete.contentDir ?? '.', io.cwd);
  const settings = atFolder(complete, folder);
  const options = startOptions('start', argument, flags, settings);
  const key = startKey(settings, options.name, folder);
  for (;;) {
    using claim = claimStart(key);
    if (claim) {
      const onReady = (ready: ReadyEvent, say: (line: string) => void) =>
        welcome({ ready, say }, claim, options, io);
      await serve({ folder, settings, options, claim, onReady }, io);
      return;
    }
    if ((await followOtherStart(key, settings, options, io)) === 'was ready') return;
  }
}

/** Once everything answers: says so, to later starts too, and opens the pages. */
function welcome(
  { ready, say }: { ready: ReadyEvent; say: (line: string) => void },
  claim: StartClaim,
  options: StartOptions,
  io: Io,
): Disposable {
  claim.announce(ready);
  sayReady(ready, options, io);
  // A script reads the address itself.
  const isWanted = options.browser && io.isTerminal && !options.json && !options.quiet;
  const url = isWanted ? ready.ui?.url : undefined;
  const { folder } = claim;
  const browser = url === undefined ? undefined : openBrowser({ url, folder, say }, io);
  return {
    [Symbol.dispose]: () => {
      claim.withdraw();
      browser?.[Symbol.dispose]();
    },
  };
}
