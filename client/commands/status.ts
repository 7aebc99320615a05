// `datalab-client status`: one session.
import { openBackend } from '../backend.ts';
import { findSession } from '../find-session.ts';
import type { Io } from '../io.ts';
import type { SessionFlags } from '../flags.ts';
import { sessionDetails } from '../session-table.ts';

export async function status(flags: SessionFlags, io: Io): Promise<void> {
  await using backend = await openBackend(flags, io);
  const found = await findSession(backend.api, flags.name);
  const session = await backend.api.getSession(found.id);
  io.stdout.write(`${flags.json ? JSON.stringify(session) : sessionDetails(session)}\n`);
}
