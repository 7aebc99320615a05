// The kernel is restarted, or dies, and another process takes its place (pure); reduce.ts calls it.
import { isShutdown, withAnswered, withOwed } from './unanswered.ts';
import type { KernelState, Lane } from './state.ts';

const REMEMBERED_PROCESSES = 4;

/**
 * What waits is answered, and so is what the kernel was asked beside its cells, which it may have done. A cell that was sent
 * stays in doubt until the new process has answered a question: words of the old one may still be on their way, and what it
 * had not begun may reach the new one.
 */
export function afterRestart(
  state: KernelState,
  { cause, isFinal = false }: { cause: 'restarted' | 'died'; isFinal?: boolean | undefined },
  sequence: number,
): KernelState {
  const lostBy = cause === 'died' ? 'died' : 'stopped';
  const waiting = [...state.lanes.values()].flatMap((lane) => lane.waiting);
  const running = [...state.lanes].flatMap(([key, lane]) =>
    lane.running ? [{ key, running: lane.running }] : [],
  );
  // Without a new process nobody is left who could say more.
  const over = isFinal ? running.map((item) => item.running) : [];
  const lanes = (isFinal ? [] : running).map(({ key, running: item }): [string, Lane] => [
    key,
    { running: { ...item, lostBy, mayResend: false, sentOn: '' }, waiting: [] },
  ]);
  const former =
    state.process === undefined
      ? state.formerProcesses
      : [...state.formerProcesses, state.process].slice(-REMEMBERED_PROCESSES);
  const anew: KernelState = {
    ...state,
    lanes: new Map(lanes),
    ending: [],
    aborting: [],
    process: undefined,
    formerProcesses: former,
    restartedAt: sequence,
    isRestarting: false,
    prompt: undefined,
  };
  const ended = withOwed(withOwed(anew, state.ending, 'idleUnseen'), over, lostBy);
  const asked = withAnswered(ended, (item) => !isShutdown(item), lostBy);
  return withOwed(asked, waiting, cause);
}

export function withProcess(state: KernelState, process: string): KernelState {
  // Which of the two it is, the old one or the new, cannot be told.
  if (state.isRestarting) return state;
  // A late word of an old process does not bring it back.
  if (state.process !== undefined || state.formerProcesses.includes(process)) return state;
  return { ...state, process };
}
