// What became of requests that were on their way when a connection broke: a fence tells (pure). reduce.ts calls it.
import { isLost, withAnswered, withOwed } from './unanswered.ts';
import type { FencedEntry } from './entry.ts';
import { afterDoubt, withoutAborting } from './failure.ts';
import { changeLane, endRunning, laneIn } from './lanes.ts';
import type { Cause, Ending, KernelState, Running } from './state.ts';
import { MAIN_LANE } from './state.ts';

const MAX_ENDING = 100;

/** The kernel has done, in this lane, everything that it was sent before the fence. */
export function afterFence(state: KernelState, entry: FencedEntry): KernelState {
  const { lane, connection, process } = entry;
  const isSameProcess = process !== '' && process === state.process;
  const known = { ...state, refusesRepeats: entry.isSafeToResend };
  const idled = withLostEnding(known, lane, connection);
  const answered =
    lane === MAIN_LANE ? withAnswered(idled, (item) => isLost(item, connection), 'unknown') : idled;
  const settled = withoutAborting(answered, lane);
  const { running } = laneIn(settled, lane);
  if (!running || running.mayResend) return settled;
  const end = (cause: Cause) =>
    afterDoubt(endRunning(settled, lane, running), lane, running, cause);
  if (running.lostBy) return end(running.lostBy);
  if (running.isTraced) return end('endUnseen');
  const wasLostBefore = running.sentOn !== connection;
  if (!wasLostBefore || !isSameProcess || !entry.isSafeToResend) return end('unknown');
  return changeLane(settled, lane, (before) => ({
    ...before,
    running: { ...running, mayResend: true },
  }));
}

/** The idle status of what was sent on another connection was lost with it. */
function withLostEnding(state: KernelState, lane: string, connection: string): KernelState {
  const isLost = (item: Ending) => item.lane === lane && item.sentOn !== connection;
  return withOwed(withoutEnding(state, isLost), state.ending.filter(isLost), 'idleUnseen');
}

export function withEnding(state: KernelState, lane: string, running: Running): KernelState {
  if (running.hasIdled) return state;
  const { sequence, id, type, channel, stopsOnError, sentOn } = running;
  const ending = { sequence, id, type, channel, stopsOnError, lane, sentOn };
  return { ...state, ending: [...state.ending, ending].slice(-MAX_ENDING) };
}

export function withoutEnding(state: KernelState, isOver: (item: Ending) => boolean): KernelState {
  const ending = state.ending.filter((item) => !isOver(item));
  return ending.length === state.ending.length ? state : { ...state, ending };
}
