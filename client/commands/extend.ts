// `datalab-client extend`: awake for so long from now, whatever its kernels do.
import { ClientError } from '../errors.ts';
import type { SessionView } from '../../functions/contract.ts';
import type { Io } from '../io.ts';
import { formatDuration, formatRelative, parseDuration } from '../output/durations.ts';
import type { Flags } from '../flags.ts';
import type { Call } from '../verbs.ts';
import { changeSession, sameSession } from './session-change.ts';

const DEFAULT_TIME = '1h';
const MIN_SECONDS = 60;
/** So long Google keeps a suspended instance. */
const MAX_SECONDS = 60 * 86_400;

export async function extend({ argument, flags }: Call, io: Io): Promise<void> {
  const seconds = secondsOf(argument ?? DEFAULT_TIME);
  await changeSession(
    {
      stage: 'Extend',
      event: 'extended',
      consent: (session) => refuseSleeping(session, flags),
      work: async ({ id }, _, api) => await api.extendSession(id, seconds),
      words: ({ name, lifetimeEndTime }) => {
        const until = `Session ${name} stays awake for the next ${formatDuration(seconds)}`;
        if (lifetimeEndTime === undefined) return `${until}, whatever its kernels do.`;
        const end = formatRelative(Date.parse(lifetimeEndTime), io.now());
        return `${until}, whatever its kernels do. Its lifetime ends ${end}.`;
      },
    },
    flags,
    io,
  );
}

/** The API refuses it, too; here the command that helps is known. */
function refuseSleeping(session: SessionView, flags: Flags): Promise<void> {
  if (session.want !== 'suspended' && session.want !== 'stopped') return Promise.resolve();
  const start = `datalab-client start${sameSession(session, flags)}`;
  const refusal = `Session ${session.name} is ${session.state}: only one that is up can be extended.`;
  return Promise.reject(new ClientError(`${refusal} Start it first, with: ${start}`));
}

function secondsOf(text: string): number {
  const seconds = parseDuration(text);
  if (seconds === undefined) {
    throw new ClientError(
      `TIME ${text}: must be a time such as 45m, 2h or 1d; a session is chosen with --name.`,
    );
  }
  if (seconds >= MIN_SECONDS && seconds <= MAX_SECONDS) return seconds;
  // A number alone counts seconds.
  const minutes = /^\d+$/.test(text) ? `; ${text} minutes are ${text}m` : '';
  throw new ClientError(`TIME ${text}: must be from 1m to 60d${minutes}.`);
}
