// The requests of one lane: what runs, what waits (pure). reduce.ts and what belongs to it change them with this.
import type { KernelState, Lane, Running } from './state.ts';

export function laneIn(state: KernelState, key: string): Lane {
  return state.lanes.get(key) ?? { waiting: [] };
}

export function changeLane(
  state: KernelState,
  key: string,
  change: (lane: Lane) => Lane,
): KernelState {
  const lane = change(laneIn(state, key));
  const lanes = new Map(state.lanes);
  if (lane.running === undefined && lane.waiting.length === 0) lanes.delete(key);
  else lanes.set(key, lane);
  return { ...state, lanes };
}

export function findRunning(
  state: KernelState,
  id: string,
): { lane: string; running: Running } | undefined {
  for (const [lane, { running }] of state.lanes) {
    if (running?.id === id) return { lane, running };
  }
  return undefined;
}

export function endRunning(state: KernelState, lane: string, { id }: Running): KernelState {
  const ended = changeLane(state, lane, ({ waiting }) => ({ waiting }));
  return ended.prompt?.parent === id ? { ...ended, prompt: undefined } : ended;
}
