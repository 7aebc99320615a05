// `datalab-client connect`: a relay to the session's kernels for other front-ends, with no pages: beside a `start` of the
// same folder, whose notebooks' kernels it shows, or alone. What happens in between is in session/serve.ts.
import { checkContentFolder } from '../content-folder.ts';
import type { Io } from '../io.ts';
import { serve } from '../session/serve.ts';
import { startOptions } from '../session/start-options.ts';
import { completeSettings } from '../settings/complete.ts';
import type { Call } from '../verbs.ts';
import { sayReady, type ReadyEvent } from '../session/start-words.ts';

export async function connect({ argument, flags }: Call, io: Io): Promise<void> {
  const settings = await completeSettings(flags, io);
  const options = startOptions('connect', argument, flags, settings);
  const folder = checkContentFolder(argument ?? settings.contentDir ?? '.', io.cwd);
  const onReady = (ready: ReadyEvent) => {
    sayReady(ready, options, io);
    return { [Symbol.dispose]: () => undefined };
  };
  await serve({ folder, settings, options, onReady }, io);
}
