// The state of a kernel's queue after one more entry of its log (pure): agent/kernel-log writes an entry, then the state is
// what this says; after a restart of the agent the same entries give the same state. What belongs to one occasion has a
// file of its own: attendance.ts, unanswered.ts, doubt.ts, failure.ts, prompt.ts,
// restart.ts.
import { assertNever } from '../assert-never.ts';
import {
  afterOwedPart,
  afterShutdown,
  withOwed,
  withUnanswered,
  withoutUnanswered,
} from './unanswered.ts';
import { afterChannel, afterChannelGone, changeChannel } from './attendance.ts';
import { afterFence, withEnding, withoutEnding } from './doubt.ts';
import type { Entry, MessageEntry, RequestEntry } from './entry.ts';
import { afterDoubtTold, afterFailure } from './failure.ts';
import { changeLane, endRunning, findRunning, laneIn } from './lanes.ts';
import { withInput, withPrompt, withoutPrompt } from './prompt.ts';
import { afterRestart, withProcess } from './restart.ts';
import type { KernelState, Running } from './state.ts';
import { STDIN_LANE } from './state.ts';

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
      return afterChannel(state, entry);
    case 'channelConfirmed':
      return changeChannel(state, entry.key, (channel) => ({
        ...channel,
        previousEpoch: undefined,
      }));
    case 'channelGone':
      return afterChannelGone(state, entry.key);
    case 'restarting':
      return { ...state, isRestarting: true };
    case 'restartFailed':
      return { ...state, isRestarting: false };
    case 'shutdownDone':
      return afterShutdown(state, true);
    case 'shutdownFailed':
      return afterShutdown(state, false);
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
  const { stopsOnError = false, isControl = false } = entry;
  const waiting = { sequence, id, type, channel, stopsOnError, ...(isControl && { isControl }) };
  if (entry.isIgnored) return counted;
  if (entry.refused) return withOwed(counted, [waiting], entry.refused);
  if (entry.sentOn !== undefined) return withUnanswered(counted, waiting, entry.sentOn);
  if (entry.answersPrompt) return withInput(counted, { sequence });
  return changeLane(counted, lane, (before) => ({
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
  if (key === STDIN_LANE) return withInput(state, { sequence: entry.sequence, sentOn: connection });
  const { running, waiting } = laneIn(state, key);
  if (running?.sequence === entry.sequence) {
    const again = { ...running, sentOn: connection, mayResend: false, isResent: true };
    return changeLane(state, key, (lane) => ({ ...lane, running: again }));
  }
  const [first, ...rest] = waiting;
  if (first?.sequence !== entry.sequence) return state;
  if (first.type !== 'execute_request') {
    const without = changeLane(state, key, (lane) => ({ ...lane, waiting: rest }));
    return withUnanswered(without, first, connection);
  }
  const begun: Running = {
    ...{ ...first, sentOn: connection },
    ...{ isTraced: false, mayResend: false, isResent: false },
  };
  const known = changeChannel(state, first.channel, (channel) => ({ ...channel, ranAt: sequence }));
  return changeLane(known, key, () => ({ running: begun, waiting: rest }));
}

function afterMessage(state: KernelState, entry: MessageEntry, sequence: number): KernelState {
  if (entry.owed !== undefined) {
    return afterOwedPart(afterDoubtTold(state, entry, sequence), entry);
  }
  let next = state;
  if (entry.process !== undefined && entry.process !== state.process) {
    next = withProcess(next, entry.process);
  }
  if (entry.refusesRepeats !== undefined) {
    next = { ...next, refusesRepeats: entry.refusesRepeats };
  }
  next =
    entry.prompt === undefined ? withoutPrompt(next, entry) : withPrompt(next, entry, sequence);
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
  // What the old process had not begun has reached the new one.
  const isOfPresent = entry.process !== undefined && entry.process === state.process;
  const isFound = running.lostBy !== undefined && isOfPresent;
  if (running.isTraced && !hasIdled && !isFound) return state;
  const { lostBy, ...traced } = running;
  return changeLane(state, lane, (before) => ({
    ...before,
    running: {
      ...{ ...traced, isTraced: true, mayResend: false },
      ...(hasIdled && { hasIdled }),
      ...(lostBy && !isFound && { lostBy }),
    },
  }));
}
