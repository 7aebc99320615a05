// A cell fails, or nobody has seen that it did not: what was sent behind it is aborted (pure). reduce.ts and doubt.ts call
// it, record.ts for what comes later.
import { withOwed } from './unanswered.ts';
import { changeChannel } from './attendance.ts';
import type { MessageEntry } from './entry.ts';
import { changeLane, laneIn } from './lanes.ts';
import type { Cause, KernelState, Owed, Waiting } from './state.ts';

/** The agent's answers to a cell that may have failed, or has not run though what follows may need it. */
const UNSEEN: readonly Cause[] = ['unknown', 'endUnseen', 'tooLate', 'overtaken'];

/** As the kernel does: the executes that wait behind a failed one are aborted, everything else is done. */
export function afterFailure(
  state: KernelState,
  lane: string,
  channel: string,
  sequence: number,
): KernelState {
  const failed = changeChannel(state, channel, (known) => ({ ...known, failedAt: sequence }));
  const aborted = withAborted(failed, lane, () => true);
  return { ...aborted, aborting: [...withoutAborting(aborted, lane).aborting, lane] };
}

/**
 * A cell that was sent has ended in doubt: what its page has sent behind it is aborted. Other pages have not counted on it,
 * and the kernel itself aborts nothing.
 */
export function afterDoubt(
  state: KernelState,
  lane: string,
  request: Waiting,
  cause: Cause,
): KernelState {
  const owed = withOwed(state, [request], cause);
  const isBehind = ({ channel }: Waiting) => channel === request.channel;
  return isAsFailed({ request, cause }) ? withAborted(owed, lane, isBehind) : owed;
}

/** Its page is told so: what it sends before it has seen that is aborted. */
export function afterDoubtTold(
  state: KernelState,
  { owed, type }: MessageEntry,
  sequence: number,
): KernelState {
  const answer = state.owed.find(({ request }) => request.sequence === owed);
  if (!answer || type !== 'execute_reply' || !isAsFailed(answer)) return state;
  const { channel } = answer.request;
  return changeChannel(state, channel, (known) => ({ ...known, failedAt: sequence }));
}

/** What is behind a cell that gets this answer is aborted, as behind an error. */
export function isAsFailed({ request, cause }: Pick<Owed, 'request' | 'cause'>): boolean {
  return request.stopsOnError && UNSEEN.includes(cause);
}

function withAborted(
  state: KernelState,
  lane: string,
  isBehind: (item: Waiting) => boolean,
): KernelState {
  const { waiting } = laneIn(state, lane);
  const isAborted = (item: Waiting) => item.type === 'execute_request' && isBehind(item);
  const kept = changeLane(state, lane, (before) => ({
    ...before,
    waiting: waiting.filter((item) => !isAborted(item)),
  }));
  // To restart a kernel the gateway interrupts it first.
  const cause = state.isRestarting ? 'restarted' : 'error';
  return withOwed(kept, waiting.filter(isAborted), cause);
}

/** The kernel has answered something that it was sent after the failure: it takes cells again. */
export function withoutAborting(state: KernelState, lane: string): KernelState {
  if (!state.aborting.includes(lane)) return state;
  return { ...state, aborting: state.aborting.filter((other) => other !== lane) };
}
