// `datalab-client delete`: instance, disk and record gone.
import type { SessionView } from '../../functions/contract.ts';
import { ApiError, type Api } from '../api/api.ts';
import { confirm } from '../confirm.ts';
import { ClientError } from '../errors.ts';
import type { Flags } from '../flags.ts';
import type { Io } from '../io.ts';
import { placeOf } from '../local/place.ts';
import type { Stage } from '../output/progress.ts';
import { kernelsOf, kernelWords } from '../output/session-words.ts';
import { stateInWords } from '../session/settle.ts';
import { readSettings } from '../settings/settings.ts';
import type { Call } from '../verbs.ts';
import { changeSession, nameOf } from './session-change.ts';

const WAIT_SECONDS = 45;

export async function deleteSession({ flags }: Call, io: Io): Promise<void> {
  await changeSession(
    {
      stage: 'Delete',
      event: 'deleted',
      consent: async (session) => {
        // One that is being deleted is past asking; we wait for its end.
        if (!flags.yes && session.want !== 'deleted') await ask(session, flags, io);
      },
      work: async (session, stage, api) => await deleteAndWait(api, session, stage),
      words: ({ name }) => `Session ${name} is deleted.`,
    },
    flags,
    io,
  );
}

async function ask(session: SessionView, flags: Flags, io: Io): Promise<void> {
  const what = `${nameOf(session, flags)} (${kernelWords(kernelsOf(session))})`;
  const its = flags.local
    ? `its containers and all that its kernels keep outside of your notebooks (${workDirOf(session, flags, io)})`
    : 'its instance and disk';
  await confirm(
    {
      text: `Delete ${what} with ${its}?`,
      unasked: `Deleting ${what} needs your consent: on a terminal it asks, elsewhere give --yes.`,
      declined: 'Nothing was deleted.',
    },
    io,
  );
}

function workDirOf({ name }: SessionView, flags: Flags, io: Io): string {
  return placeOf(readSettings(flags, io).stateDir, name).workDir;
}

/** The record goes when the instance is gone; a deletion whose reply was lost ends there too. */
async function deleteAndWait(api: Api, before: SessionView, stage: Stage): Promise<SessionView> {
  let session = before;
  try {
    session = await api.deleteSession(before.id);
    while (session.state !== 'FAILED') {
      stage.say(stateInWords(session));
      session = await api.waitForSession(session.id, session.revision, WAIT_SECONDS);
    }
  } catch (error) {
    if (error instanceof ApiError && error.status === 'NOT_FOUND') return session;
    throw error;
  }
  const reason = session.error?.message ?? 'the API gave no reason';
  throw new ClientError(`Session ${session.name} could not be deleted: ${reason}`);
}
