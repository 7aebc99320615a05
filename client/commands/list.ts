// `datalab-client list`: the caller's sessions.
import { openBackend } from '../backend.ts';
import type { Io } from '../io.ts';
import type { CommonFlags } from '../flags.ts';
import { sessionTable } from '../session-table.ts';

export async function list(flags: CommonFlags, io: Io): Promise<void> {
  await using backend = await openBackend(flags, io);
  const sessions = await backend.api.listSessions();
  if (flags.json) {
    for (const session of sessions) io.stdout.write(`${JSON.stringify(session)}\n`);
  } else if (sessions.length === 0) {
    io.stdout.write('No sessions. Start one with: datalab-client start\n');
  } else {
    io.stdout.write(`${sessionTable(sessions)}\n`);
  }
}
