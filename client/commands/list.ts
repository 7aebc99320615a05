// `datalab-client list`: the caller's sessions; an administrator's list has everybody's.
import { openBackend } from '../backend.ts';
import type { Io } from '../io.ts';
import { sessionTable } from '../output/session-table.ts';
import type { Call } from '../verbs.ts';
import { sameSession } from './session-change.ts';

export async function list({ flags }: Call, io: Io): Promise<void> {
  await using backend = await openBackend(flags, io);
  const sessions = await backend.api.listSessions();
  if (flags.json) {
    for (const session of sessions) io.stdout.write(`${JSON.stringify(session)}\n`);
  } else if (sessions.length > 0) {
    io.stdout.write(`${sessionTable(sessions, io)}\n`);
  } else if (!flags.quiet) {
    const start = `datalab-client start${sameSession({ name: 'default' }, flags)}`;
    io.stdout.write(`No sessions. Start one with: ${start}\n`);
  }
}
