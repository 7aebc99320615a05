// `datalab-client stop`: the instance off, its disk kept.
import { openBackend } from '../backend.ts';
import { findSession } from '../find-session.ts';
import type { Io } from '../io.ts';
import { createProgress } from '../output/progress.ts';
import { settleSession } from '../settle-session.ts';
import type { Call } from '../verbs.ts';

export async function stop({ flags }: Call, io: Io): Promise<void> {
  await using backend = await openBackend(flags, io);
  using progress = createProgress(flags, io);
  const found = await findSession(backend.api, backend.settings.name);
  const session = await progress.stage('Stop', async (stage) => {
    const stopping = await backend.api.stopSession(found.id);
    return await settleSession(backend.api, stopping, 'STOPPED', stage);
  });
  if (flags.json) io.stdout.write(`${JSON.stringify({ event: 'stopped', session })}\n`);
  else if (!flags.quiet) {
    io.stdout.write(
      `Session ${session.name} is stopped: its files are kept, its memory is gone.\n`,
    );
  }
}
