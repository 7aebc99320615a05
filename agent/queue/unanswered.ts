// Requests that await an answer: the kernel’s, or the agent’s in its place (pure); reduce.ts calls it.
import type { MessageEntry } from './entry.ts';
import type { Cause, KernelState, Owed, Unanswered, Waiting } from './state.ts';

const MAX_UNANSWERED = 10_000;
const MAX_ANSWERED = 1_000;

export function withUnanswered(
  state: KernelState,
  request: Waiting,
  sentOn: string,
  isControl: boolean,
): KernelState {
  if (!request.type.endsWith('_request')) return state;
  const { id, channel, type, sequence } = request;
  const unanswered = new Map(state.unanswered).set(id, {
    ...{ channel, type, sequence, sentOn, isControl },
  });
  const [oldest] = unanswered.keys();
  if (unanswered.size > MAX_UNANSWERED && oldest !== undefined) unanswered.delete(oldest);
  return { ...state, unanswered };
}

export function withoutUnanswered(
  state: KernelState,
  isOver: (id: string, item: { sentOn: string; isControl: boolean }) => boolean,
): KernelState {
  const unanswered = new Map([...state.unanswered].filter(([id, item]) => !isOver(id, item)));
  return unanswered.size === state.unanswered.size ? state : { ...state, unanswered };
}

export function asRequest([id, { channel, type, sequence }]: [string, Unanswered]): Waiting {
  return { id, channel, type, sequence, stopsOnError: false };
}

export function withOwed(
  state: KernelState,
  requests: readonly Waiting[],
  cause: Cause,
): KernelState {
  const owed: Owed[] = requests
    .filter(({ type }) => type.endsWith('_request'))
    .map(({ sequence, id, type, channel, stopsOnError }) => ({
      request: { sequence, id, type, channel, stopsOnError },
      ...{ cause, written: 0 },
    }));
  if (owed.length === 0) return state;
  const answered = [...state.answered, ...owed.map(({ request }) => request.id)];
  return { ...state, owed: [...state.owed, ...owed], answered: answered.slice(-MAX_ANSWERED) };
}

export function afterOwedPart(state: KernelState, entry: MessageEntry): KernelState {
  const { owed: sequence, executionState } = entry;
  // The idle status is the last part.
  const owed = state.owed.flatMap((item) => {
    if (item.request.sequence !== sequence) return [item];
    return executionState === 'idle' ? [] : [{ ...item, written: item.written + 1 }];
  });
  return { ...state, owed };
}
