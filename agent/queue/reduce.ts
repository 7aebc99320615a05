// The state of a kernel's queue after one more entry of its log (pure). main path: agent/kernel-log writes an entry, then
// the state is what this says; after a restart of the agent the same entries give the same state.
import { assertNever } from '../assert-never.ts';
import type { Entry, FencedEntry, MessageEntry, RequestEntry } from './entry.ts';
import type {
  Cause,
  ChannelState,
  Ending,
  KernelState,
  Lane,
  Owed,
  Running,
  Unanswered,
  Waiting,
} from './state.ts';
import { MAIN_LANE } from './state.ts';

const REMEMBERED_PROCESSES = 4;
const MAX_UNANSWERED = 10_000;
const MAX_ENDING = 100;

export function reduce(state: KernelState, entry: Entry, sequence: number): KernelState {
  switch (entry.kind) {
    case 'request':
      return afterRequest(state, entry, sequence);
    case 'sent':
      return afterSent(state, entry, sequence);
    case 'message':
      return afterMessage(state, entry, sequence);
    case 'fenced':
      return afterFence(state, entry);
    case 'channel':
      return withChannel(state, entry.key, channelAfter(state.channels.get(entry.key), entry));
    case 'channelConfirmed':
      return changeChannel(state, entry.key, (channel) => ({
        ...channel,
        previousEpoch: undefined,
      }));
    case 'channelGone':
      return afterChannelGone(state, entry.key);
    case 'restarting':
      return withoutWaiting(state);
    case 'restarted':
      return afterRestart(state, entry, sequence);
    default:
      return assertNever(entry);
  }
}

function afterRequest(state: KernelState, entry: RequestEntry, sequence: number): KernelState {
  const { channel, number, id, type, lane } = entry;
  const counted =
    number === 0
      ? state
      : changeChannel(state, channel, (known) => ({ ...known, received: number }));
  const waiting = { sequence, id, type, channel, stopsOnError: entry.stopsOnError ?? false };
  if (entry.isIgnored) return counted;
  if (entry.refused) return withOwed(counted, [waiting], entry.refused);
  if (entry.sentOn !== undefined) return withUnanswered(counted, waiting, entry.sentOn, true);
  const answered = entry.answersPrompt ? { ...counted, prompt: undefined } : counted;
  return changeLane(answered, lane, (before) => ({
    ...before,
    waiting: [...before.waiting, waiting],
  }));
}

function afterSent(
  state: KernelState,
  entry: { lane: string; sequence: number; connection: string },
  sequence: number,
): KernelState {
  const { lane: key, connection } = entry;
  const { running, waiting } = laneIn(state, key);
  if (running?.sequence === entry.sequence) {
    const again = { ...running, sentOn: connection, mayResend: false, isResent: true };
    return changeLane(state, key, (lane) => ({ ...lane, running: again }));
  }
  const [first, ...rest] = waiting;
  if (first?.sequence !== entry.sequence) return state;
  if (first.type !== 'execute_request') {
    const without = changeLane(state, key, (lane) => ({ ...lane, waiting: rest }));
    return withUnanswered(without, first, connection, false);
  }
  const begun: Running = {
    ...{ ...first, sentOn: connection },
    ...{ isTraced: false, mayResend: false, isResent: false },
  };
  const known = changeChannel(state, first.channel, (channel) => ({ ...channel, ranAt: sequence }));
  return changeLane(known, key, () => ({ running: begun, waiting: rest }));
}

function afterMessage(state: KernelState, entry: MessageEntry, sequence: number): KernelState {
  if (entry.owed !== undefined) return afterOwedPart(state, entry);
  let next = state;
  if (entry.process !== undefined && entry.process !== state.process) {
    next = withProcess(next, entry.process);
  }
  if (entry.prompt !== undefined) next = withPrompt(next, entry, sequence);
  if (entry.parent === undefined) return next;
  const running = findRunning(next, entry.parent);
  if (running) return afterTrace(next, running.lane, running.running, entry, sequence);
  if (entry.executionState === 'idle') return withoutEnding(next, ({ id }) => id === entry.parent);
  if (!entry.type.endsWith('_reply')) return next;
  return withoutUnanswered(next, (id) => id === entry.parent);
}

function afterTrace(
  state: KernelState,
  lane: string,
  running: Running,
  entry: MessageEntry,
  sequence: number,
): KernelState {
  if (entry.type === 'execute_reply') {
    const ended = withEnding(endRunning(state, lane, running), lane, running);
    const hasFailed = entry.status === 'error' && running.stopsOnError;
    return hasFailed ? afterFailure(ended, lane, running.channel, sequence) : ended;
  }
  const hasIdled = entry.executionState === 'idle';
  if (running.isTraced && !hasIdled) return state;
  return changeLane(state, lane, (before) => ({
    ...before,
    running: { ...running, ...(hasIdled && { hasIdled }), isTraced: true, mayResend: false },
  }));
}

/** As the kernel does: the executes that wait behind a failed one are aborted, everything else is done. */
function afterFailure(
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
  return withOwed(kept, waiting.filter(isAborted), 'error');
}

/** The kernel has done, in this lane, everything that it was sent before the fence. */
function afterFence(state: KernelState, entry: FencedEntry): KernelState {
  const { lane, connection, process } = entry;
  const isSameProcess = process !== '' && process === state.process;
  const idled = withLostEnding(state, lane, connection);
  const settled = lane === MAIN_LANE ? withLostUnanswered(idled, connection) : idled;
  const { running } = laneIn(settled, lane);
  if (!running || running.mayResend) return settled;
  const end = (cause: Cause) => withOwed(endRunning(settled, lane, running), [running], cause);
  if (running.lostBy) return end(running.lostBy);
  if (running.isTraced) return end('endUnseen');
  const wasLostBefore = running.sentOn !== connection;
  if (!wasLostBefore || !isSameProcess || !entry.isSafeToResend) return end('unknown');
  return changeLane(settled, lane, (before) => ({
    ...before,
    running: { ...running, mayResend: true },
  }));
}

/** What was sent on another connection and is unanswered now will never be answered. */
function withLostUnanswered(state: KernelState, connection: string): KernelState {
  const isLost = (item: { sentOn: string; isControl: boolean }) =>
    !item.isControl && item.sentOn !== connection;
  const requests = [...state.unanswered].filter(([, item]) => isLost(item)).map(asRequest);
  return withOwed(
    withoutUnanswered(state, (_id, item) => isLost(item)),
    requests,
    'unknown',
  );
}

function asRequest([id, { channel, type, sequence }]: [string, Unanswered]): Waiting {
  return { id, channel, type, sequence, stopsOnError: false };
}

function withEnding(state: KernelState, lane: string, running: Running): KernelState {
  if (running.hasIdled) return state;
  const { sequence, id, type, channel, stopsOnError, sentOn } = running;
  const ending = { sequence, id, type, channel, stopsOnError, lane, sentOn };
  return { ...state, ending: [...state.ending, ending].slice(-MAX_ENDING) };
}

function withoutEnding(state: KernelState, isOver: (item: Ending) => boolean): KernelState {
  const ending = state.ending.filter((item) => !isOver(item));
  return ending.length === state.ending.length ? state : { ...state, ending };
}

/** The idle status of what was sent on another connection was lost with it. */
function withLostEnding(state: KernelState, lane: string, connection: string): KernelState {
  const isLost = (item: Ending) => item.lane === lane && item.sentOn !== connection;
  return withOwed(withoutEnding(state, isLost), state.ending.filter(isLost), 'idleUnseen');
}

/** What runs may end by itself before it is ended; what has not begun will not begin. */
function withoutWaiting(state: KernelState): KernelState {
  const waiting = [...state.lanes.values()].flatMap((lane) => lane.waiting);
  const lanes = [...state.lanes].flatMap(([key, { running }]): [string, Lane][] =>
    running ? [[key, { running, waiting: [] }]] : [],
  );
  return withOwed({ ...state, lanes: new Map(lanes) }, waiting, 'restarted');
}

/**
 * What waits is answered. What was sent stays in doubt until the new process has answered a question: words of the old one
 * may still be on their way, and what it had not begun may reach the new one.
 */
function afterRestart(
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
  const asked = [...state.unanswered].map(asRequest);
  const former =
    state.process === undefined
      ? state.formerProcesses
      : [...state.formerProcesses, state.process].slice(-REMEMBERED_PROCESSES);
  const anew: KernelState = {
    ...state,
    lanes: new Map(lanes),
    unanswered: new Map(),
    ending: [],
    process: undefined,
    formerProcesses: former,
    restartedAt: sequence,
    prompt: undefined,
  };
  const ended = withOwed(anew, state.ending, 'idleUnseen');
  return withOwed(withOwed(ended, over, lostBy), [...waiting, ...asked], cause);
}

function channelAfter(
  known: ChannelState | undefined,
  entry: { incarnation: string; epoch: number; previousEpoch?: number | undefined },
): ChannelState {
  const { incarnation, epoch, previousEpoch } = entry;
  const isSame = known?.incarnation === incarnation;
  const before = isSame ? known : { received: 0, failedAt: 0, ranAt: known?.ranAt ?? 0 };
  return { ...before, incarnation, epoch, previousEpoch };
}

/** What it has asked for is done all the same; its prompt waits for another page. */
function afterChannelGone(state: KernelState, key: string): KernelState {
  const channels = new Map(state.channels);
  channels.delete(key);
  const { prompt } = state;
  const isOrphan = prompt?.channel === key;
  return { ...state, channels, ...(isOrphan && { prompt: { ...prompt, isOrphan } }) };
}

function withPrompt(state: KernelState, entry: MessageEntry, sequence: number): KernelState {
  const { prompt: id = '', parent = '', to = '' } = entry;
  return { ...state, prompt: { id, sequence, parent, channel: to, isOrphan: false } };
}

function withProcess(state: KernelState, process: string): KernelState {
  // A late word of an old process does not bring it back.
  if (state.process !== undefined || state.formerProcesses.includes(process)) return state;
  return { ...state, process };
}

function withOwed(state: KernelState, requests: readonly Waiting[], cause: Cause): KernelState {
  const owed: Owed[] = requests
    .filter(({ type }) => type.endsWith('_request'))
    .map(({ sequence, id, type, channel, stopsOnError }) => ({
      request: { sequence, id, type, channel, stopsOnError },
      ...{ cause, written: 0 },
    }));
  return owed.length === 0 ? state : { ...state, owed: [...state.owed, ...owed] };
}

function afterOwedPart(state: KernelState, entry: MessageEntry): KernelState {
  const { owed: sequence, executionState } = entry;
  // The idle status is the last part.
  const owed = state.owed.flatMap((item) => {
    if (item.request.sequence !== sequence) return [item];
    return executionState === 'idle' ? [] : [{ ...item, written: item.written + 1 }];
  });
  return { ...state, owed };
}

function withUnanswered(
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

function withoutUnanswered(
  state: KernelState,
  isOver: (id: string, item: { sentOn: string; isControl: boolean }) => boolean,
): KernelState {
  const unanswered = new Map([...state.unanswered].filter(([id, item]) => !isOver(id, item)));
  return unanswered.size === state.unanswered.size ? state : { ...state, unanswered };
}

function findRunning(
  state: KernelState,
  id: string,
): { lane: string; running: Running } | undefined {
  for (const [lane, { running }] of state.lanes) {
    if (running?.id === id) return { lane, running };
  }
  return undefined;
}

function endRunning(state: KernelState, lane: string, { id }: Running): KernelState {
  const ended = changeLane(state, lane, ({ waiting }) => ({ waiting }));
  return ended.prompt?.parent === id ? { ...ended, prompt: undefined } : ended;
}

function laneIn(state: KernelState, key: string): Lane {
  return state.lanes.get(key) ?? { waiting: [] };
}

function changeLane(state: KernelState, key: string, change: (lane: Lane) => Lane): KernelState {
  const lane = change(laneIn(state, key));
  const lanes = new Map(state.lanes);
  if (lane.running === undefined && lane.waiting.length === 0) lanes.delete(key);
  else lanes.set(key, lane);
  return { ...state, lanes };
}

function changeChannel(
  state: KernelState,
  key: string,
  change: (channel: ChannelState) => ChannelState,
): KernelState {
  const channel = state.channels.get(key);
  return channel ? withChannel(state, key, change(channel)) : state;
}

function withChannel(state: KernelState, key: string, channel: ChannelState): KernelState {
  return { ...state, channels: new Map(state.channels).set(key, channel) };
}
