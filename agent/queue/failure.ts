// A cell fails: what waits behind it is aborted (pure). reduce.ts calls it.
import { withOwed } from './unanswered.ts';
import { changeChannel } from './attendance.ts';
import { changeLane, laneIn } from './lanes.ts';
import type { KernelState, Waiting } from './state.ts';

/** As the kernel does: the executes that wait behind a failed one are aborted, everything else is done. */
export function afterFailure(
  state: KernelState,
  lane: string,
  channel: string,
  sequence: number,
): KernelState {
  const { waiting } = laneIn(state, lane);
  const isAborted = ({ type }: Waiting) => type === 'execute_request';
  const failed = changeChannel(state, channel, (known) => ({ ...known, failedAt: sequence }));
  const kept = changeLane(failed, lane, (before) => ({
    ...before,
    waiting: waiting.filter((item) => !isAborted(item)),
  }));
  // To restart a kernel the gateway interrupts it first.
  const cause = state.isRestarting ? 'restarted' : 'error';
  const aborted = withOwed(kept, waiting.filter(isAborted), cause);
  return { ...aborted, aborting: [...withoutAborting(aborted, lane).aborting, lane] };
}

/** The kernel has answered something that it was sent after the failure: it takes cells again. */
export function withoutAborting(state: KernelState, lane: string): KernelState {
  if (!state.aborting.includes(lane)) return state;
  return { ...state, aborting: state.aborting.filter((other) => other !== lane) };
}
