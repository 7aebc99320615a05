// `datalab-client suspend`: to sleep, with its memory.
import type { SessionView } from '../../functions/contract.ts';
import type { Io } from '../io.ts';
import { isWorking, kernelsOf } from '../output/session-words.ts';
import { settleSession } from '../session/settle.ts';
import type { Call } from '../verbs.ts';
import { changeSession, sameSession } from './session-change.ts';

export async function suspend({ flags }: Call, io: Io): Promise<void> {
  await changeSession(
    {
      stage: 'Suspend',
      event: 'suspended',
      isDone: ({ state }) => state === 'SUSPENDED',
      work: async ({ id }, stage, api) => {
        const asked = await api.suspendSession(id);
        return await settleSession(api, asked, 'SUSPENDED', stage, io.interrupt);
      },
      words: (session, before) =>
        `Session ${session.name} is suspended: ${whatSleeps(before)}.\n` +
        `Wake it with: datalab-client start${sameSession(session, flags)}`,
    },
    flags,
    io,
  );
}

function whatSleeps(session: SessionView): string {
  if (kernelsOf(session).length === 0) return 'it had no kernels';
  const working = kernelsOf(session).filter(isWorking).length;
  if (working === 0) return 'its kernels keep their variables';
  const cells =
    working === 1 ? 'the cell that was running' : `the ${working} cells that were running`;
  return `its kernels keep their variables, and ${cells} will go on when it wakes up`;
}
