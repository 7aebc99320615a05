// The words of the line that tells how session and connection are (pure). live-line.ts shows them.
import type { SessionView } from '../../functions/contract.ts';
import { formatRelative } from '../output/durations.ts';
import { kernelWords } from '../output/session-words.ts';
import type { LiveState } from './live.ts';

const CLOCK = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });

/** Its parts, the most important first: a narrow terminal cuts off the rest. */
export function liveParts(state: LiveState, now: number): string[] {
  const { session, signInCommand, note } = state;
  return [
    session.state,
    ...(signInCommand === undefined ? [] : [`sign in again: ${signInCommand}`]),
    ...(note === undefined ? [] : [note]),
    ...troubleWords(state),
    ...stateWords(state, now),
  ];
}

export function clockTime(at: number): string {
  return CLOCK.format(at);
}

export function busyKernels({ kernels }: Pick<SessionView, 'kernels'>): number {
  return kernels.filter(({ state }) => state === 'busy').length;
}

function troubleWords({ trouble, signInCommand }: LiveState): string[] {
  // One follows from the other.
  if (!trouble || signInCommand !== undefined) return [];
  return [`${trouble.words} since ${clockTime(trouble.since)}`];
}

function stateWords(state: LiveState, now: number): string[] {
  const { session, connection } = state;
  switch (session.state) {
    case 'READY':
      return [
        kernelWords(session.kernels),
        connection === 'up' ? 'connected' : cutWords(state, now),
        ...sleepParts(session, now),
      ];
    case 'SUSPENDED':
    case 'STOPPED':
      return [...wakeWords(state), restWords(session)];
    case 'FAILED':
      return [...wakeWords(state), session.error?.message ?? 'no reason given'];
    default:
      return session.waitingFor === '' ? [] : [`waiting for ${session.waitingFor}`];
  }
}

/** Since when, and what is done about it; the kernels go on meanwhile. */
function cutWords({ cut }: LiveState, now: number): string {
  if (!cut) return 'not connected, trying again';
  const since = `not connected since ${clockTime(cut.since)}`;
  const seconds = cut.nextTryAt === undefined ? 0 : Math.ceil((cut.nextTryAt - now) / 1000);
  return seconds > 0 ? `${since}, trying again in ${seconds} s` : `${since}, trying again now`;
}

/** What becomes of its kernels. */
export function restWords({ state }: Pick<SessionView, 'state'>): string {
  return state === 'SUSPENDED' || state === 'SUSPENDING'
    ? 'kernels and variables kept'
    : 'files kept, kernels gone';
}

function wakeWords({ isWakeable, session }: LiveState): string[] {
  if (!isWakeable) return [];
  const what = session.state === 'SUSPENDED' ? 'wake' : 'start';
  return [`press Enter to ${what} it, Ctrl-C to end`];
}

function sleepParts({ awake, idleAction, lifetimeEndTime }: SessionView, now: number): string[] {
  if (!awake) return [];
  const idle = awake.sleepTime === undefined ? Infinity : Date.parse(awake.sleepTime);
  const end = lifetimeEndTime === undefined ? Infinity : Date.parse(lifetimeEndTime);
  if (idle === Infinity && end === Infinity) return ['awake while a kernel works'];
  const action = idle > end || idleAction !== 'delete' ? 'sleeps' : 'is deleted';
  return [`${action} ${formatRelative(Math.min(idle, end), now)}`];
}
