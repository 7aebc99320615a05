// `datalab-client delete`: instance, disk and record gone.
import { createInterface } from 'node:readline/promises';
import type { SessionView } from '../../functions/contract.ts';
import { ApiError, type Api } from '../api.ts';
import { openBackend } from '../backend.ts';
import { ClientError } from '../errors.ts';
import { findSession } from '../find-session.ts';
import type { Io } from '../io.ts';
import type { SessionFlags } from '../main.ts';
import { createProgress } from '../progress.ts';

const WAIT_SECONDS = 45;

export async function deleteSession(flags: SessionFlags & { yes?: true }, io: Io): Promise<void> {
  await using backend = await openBackend(flags, io);
  const session = await findSession(backend.api, flags.name);
  if (!flags.yes) await confirm(session, io);
  using progress = createProgress(flags, io);
  await progress.stage('Delete', async (stage) => {
    stage.say(`deleting ${session.instance?.name ?? session.name}`);
    await untilGone(backend.api, await backend.api.deleteSession(session.id));
  });
  if (flags.json) io.stdout.write(`${JSON.stringify({ event: 'deleted', id: session.id })}\n`);
  else if (!flags.quiet) io.stdout.write(`Session ${session.name} is deleted.\n`);
}

async function confirm(session: SessionView, io: Io): Promise<void> {
  if (!io.stdin) {
    throw new ClientError(
      'Deleting needs your consent: on a terminal it asks, elsewhere give --yes.',
    );
  }
  const terminal = createInterface({ input: io.stdin, output: io.stderr });
  const question = `Delete session ${session.name} with its instance, kernels and disk? [y/N] `;
  const answer = await terminal.question(question, { signal: io.interrupt });
  terminal.close();
  if (!/^y(es)?$/i.test(answer.trim())) throw new ClientError('Nothing was deleted.');
}

/** The record goes when the instance is gone; until then it can be asked for. */
async function untilGone(api: Api, from: SessionView): Promise<void> {
  let session = from;
  try {
    for (;;) session = await api.waitForSession(session.id, session.revision, WAIT_SECONDS);
  } catch (error) {
    if (error instanceof ApiError && error.status === 'NOT_FOUND') return;
    throw error;
  }
}
