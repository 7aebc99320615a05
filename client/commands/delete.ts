// `datalab-client delete`: instance, disk and record gone.
import type { SessionView } from '../../functions/contract.ts';
import { ApiError, type Api } from '../api.ts';
import { ask } from '../ask.ts';
import { openBackend } from '../backend.ts';
import { ClientError } from '../errors.ts';
import { findSession } from '../find-session.ts';
import type { Io } from '../io.ts';
import { createProgress } from '../output/progress.ts';
import type { Call } from '../verbs.ts';

const WAIT_SECONDS = 45;

export async function deleteSession({ flags }: Call, io: Io): Promise<void> {
  await using backend = await openBackend(flags, io);
  const session = await findSession(backend.api, backend.settings.name);
  if (!flags.yes) await confirm(session, io);
  using progress = createProgress(flags, io);
  await progress.stage('Delete', async (stage) => {
    stage.say(`deleting ${session.instance?.name ?? session.name}`);
    await deleteAndWait(backend.api, session.id);
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
  const question = `Delete session ${session.name} with its instance, kernels and disk? [y/N] `;
  const answer = await ask(question, io.stdin, io);
  if (!/^y(es)?$/i.test(answer.trim())) throw new ClientError('Nothing was deleted.');
}

/** The record goes when the instance is gone; a deletion whose reply was lost ends there too. */
async function deleteAndWait(api: Api, id: string): Promise<void> {
  try {
    let session = await api.deleteSession(id);
    while (session.state !== 'FAILED') {
      session = await api.waitForSession(id, session.revision, WAIT_SECONDS);
    }
    throw new ClientError(`Session ${session.name} could not be deleted: ${reasonOf(session)}`);
  } catch (error) {
    if (error instanceof ApiError && error.status === 'NOT_FOUND') return;
    throw error;
  }
}

function reasonOf({ error }: SessionView): string {
  return error?.message ?? 'the API gave no reason';
}
