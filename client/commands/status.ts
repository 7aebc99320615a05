// `datalab-client status`: one session, or with --settings what this program goes by.
import { openBackend } from '../backend.ts';
import { findSession } from '../session/find.ts';
import type { Io } from '../io.ts';
import { sessionDetails } from '../output/session-details.ts';
import type { Call } from '../verbs.ts';
import { reportSettings } from './settings-report.ts';

export async function status({ flags }: Call, io: Io): Promise<void> {
  if (flags.settings) {
    reportSettings(flags, io);
    return;
  }
  await using backend = await openBackend(flags, io);
  const found = await findSession(backend, flags);
  const session = await backend.api.getSession(found.id);
  io.stdout.write(`${flags.json ? JSON.stringify(session) : sessionDetails(session, io)}\n`);
}
