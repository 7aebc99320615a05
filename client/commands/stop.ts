// `datalab-client stop`: the instance off, its disk kept. What a kernel is computing would be lost, so that is asked about.
import type { SessionView } from '../../functions/contract.ts';
import { confirm } from '../confirm.ts';
import type { Flags } from '../flags.ts';
import type { Io } from '../io.ts';
import { isWorking, kernelsOf, kernelWords } from '../output/session-words.ts';
import { settleSession } from '../session/settle.ts';
import type { Call } from '../verbs.ts';
import { changeSession, nameOf, sameSession } from './session-change.ts';

export async function stop({ flags }: Call, io: Io): Promise<void> {
  await changeSession(
    {
      stage: 'Stop',
      event: 'stopped',
      isDone: ({ state }) => state === 'STOPPED',
      consent: async (session) => {
        if (!flags.yes) await askIfBusy(session, flags, io);
      },
      work: async ({ id }, stage, api) => {
        const asked = await api.stopSession(id);
        return await settleSession(api, asked, 'STOPPED', stage, io.interrupt);
      },
      words: ({ name }) => `Session ${name} is stopped: its files are kept, its memory is gone.`,
    },
    flags,
    io,
  );
}

async function askIfBusy(session: SessionView, flags: Flags, io: Io): Promise<void> {
  const kernels = kernelsOf(session);
  // On one's own machine nobody but the agent knows of them, and it may be away.
  const isUnknown = flags.local === true && session.state === 'BOOTING';
  if (!isUnknown && !kernels.some(isWorking)) return;
  const doing = isUnknown ? 'what its kernels do is not known now' : kernelWords(kernels);
  const what = `${nameOf(session, flags)} (${doing})`;
  // On one's own machine there is no suspend.
  const keep = flags.local
    ? ''
    : ` datalab-client suspend${sameSession(session, flags)} keeps the work.`;
  await confirm(
    {
      text: `Stop ${what}? What it computes is lost.`,
      unasked: `Stopping ${what} would lose what it computes: give --yes for that${keep === '' ? '.' : `;${keep}`}`,
      declined: `Nothing was stopped.${keep}`,
    },
    io,
  );
}
