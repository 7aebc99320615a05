// Requests that await an answer: the kernel’s, or the agent’s in its place (pure); reduce.ts calls it.
import type { MessageEntry } from './entry.ts';
import type { Cause, KernelState, Owed, Unanswered, Waiting } from './state.ts';

const MAX_UNANSWERED = 10_000;
const MAX_ANSWERED = 1_000;

export function withUnanswered(state: KernelState, request: Waiting, sentOn: string): KernelState {
  if (!request.type.endsWith('_request')) return state;
  const { id, channel, type, sequence, isControl = false } = request;
  const unanswered = new Map(state.unanswered).set(id, {
    ...{ channel, type, sequence, sentOn, isControl },
  });
  const [oldest] = unanswered.keys();
  if (unanswered.size > MAX_UNANSWERED && oldest !== undefined) unanswered.delete(oldest);
  return { ...state, unanswered };
}

export function withoutUnanswered(
  state: KernelState,
  isOver: (id: string, item: Unanswered) => boolean,
): KernelState {
  const unanswered = new Map([...state.unanswered].filter(([id, item]) => !isOver(id, item)));
  return unanswered.size === state.unanswered.size ? state : { ...state, unanswered };
}

/** What was sent on another connection: when the kernel has answered a question on this one, no answer will come any more. */
export function isLost(item: Unanswered, connection: string): boolean {
  return item.sentOn !== connection && !isShutdown(item);
}

/** To these no answer of the kernel will come. */
export function withAnswered(
  state: KernelState,
  isOver: (item: Unanswered) => boolean,
  cause: Cause,
): KernelState {
  const requests = [...state.unanswered].filter(([, item]) => isOver(item)).map(asRequest);
  return withOwed(
    withoutUnanswered(state, (_id, item) => isOver(item)),
    requests,
    cause,
  );
}

/** The gateway has answered: it has started the kernel anew, or not ended it as far as is known. */
export function afterShutdown(state: KernelState, isDone: boolean): KernelState {
  return withAnswered(state, isShutdown, isDone ? 'done' : 'unknown');
}

export function isShuttingDown({ unanswered }: KernelState): boolean {
  return [...unanswered.values()].some(isShutdown);
}

/** A request to the gateway in truth, whatever becomes of a connection or of the kernel's process. */
export function isShutdown({ type }: Unanswered): boolean {
  return type === 'shutdown_request';
}

export function asRequest([id, item]: [string, Unanswered]): Waiting {
  const { channel, type, sequence, isControl } = item;
  return { id, channel, type, sequence, stopsOnError: false, isControl };
}

export function withOwed(
  state: KernelState,
  requests: readonly Waiting[],
  cause: Cause,
): KernelState {
  const owed: Owed[] = requests
    .filter(({ type }) => type.endsWith('_request'))
    .map(({ sequence, id, type, channel, stopsOnError, isControl = false }) => ({
      request: { sequence, id, type, channel, stopsOnError, ...(isControl && { isControl }) },
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
