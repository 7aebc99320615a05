// Turns what happens to a kernel into entries for its log (pure): a request comes, the kernel says something. Here is
// decided whether a request may run; when it does is next.ts's business.
import type { Message } from '../channel/messages.ts';
import type { Entry, MessageEntry, RequestEntry } from './entry.ts';
import { isAsFailed } from './failure.ts';
import type { ChannelState, Cause, KernelState } from './state.ts';
import { laneOf } from './state.ts';

export interface Limits {
  /** A cell that waited longer in its relay is not run: nobody expects it any more. */
  maxWaitMilliseconds: number;
  /** One that waited longer gives way to what another page has run meanwhile. */
  heldMilliseconds: number;
}

export const LIMITS: Limits = { maxWaitMilliseconds: 24 * 3_600_000, heldMilliseconds: 10_000 };

export interface Incoming {
  channel: string;
  /** 0: not counted, a control message or one of a front-end without a relay. */
  number: number;
  /** What its front-end had of the log when it sent this. */
  seen: number;
  waitedMilliseconds: number;
}

/** What next.ts and this need to know beside the state. */
export interface Conditions {
  /** The open connection to the gateway. */
  connection: string | undefined;
  /** Nothing may be delivered: the machine is about to sleep. */
  isHeld: boolean;
  /** Lanes whose fence is on its way on this connection. */
  fences: ReadonlySet<string>;
  /** Channels whose front-end is connected. */
  present: ReadonlySet<string>;
}

/**
 * A front-end's message. Relays send again what was not acknowledged: what is known already is not recorded twice.
 * @returns `undefined` for one that is known
 */
export function recordRequest(
  state: KernelState,
  incoming: Incoming,
  message: Message,
  conditions: Conditions,
  limits: Limits = LIMITS,
): RequestEntry | undefined {
  const known = state.channels.get(incoming.channel);
  if (incoming.number > 0 && incoming.number <= (known?.received ?? 0)) return undefined;
  const { header, channel } = message;
  const entry: RequestEntry = {
    kind: 'request',
    channel: incoming.channel,
    number: incoming.number,
    id: header.msg_id,
    type: header.msg_type,
    lane: laneOf(channel, header.subshell_id ?? undefined),
  };
  // No kernel takes anything there, or answers it: what is behind it would wait for ever.
  if (channel === 'iopub') return { ...entry, isIgnored: true };
  if (channel === 'control') return recordControl(state, entry, conditions);
  if (channel === 'stdin') return recordInput(state, entry, incoming, message);
  if (header.msg_type !== 'execute_request') {
    return incoming.seen < state.restartedAt ? { ...entry, refused: 'restarted' } : entry;
  }
  const refused = reasonAgainst(state, known, incoming, limits);
  return { ...entry, stopsOnError: stopsOnError(message), ...(refused && { refused }) };
}

/**
 * The gateway has answered the request for a restart. The new process may have spoken before: then the restart is known, and
 * what was asked and said since is the new one's.
 */
export function recordRestart(state: KernelState, isDone: boolean): Entry[] {
  const isNew = state.isRestarting || state.process === undefined;
  if (isDone) return isNew ? [{ kind: 'restarted', cause: 'restarted' }] : [];
  return state.isRestarting ? [{ kind: 'restartFailed' }] : [];
}

/** How a message of the kernel has come. */
export interface Way {
  connection: string;
  /** A restart has ended the connection: both processes may be heard on it. */
  isLeaving: boolean;
}

/** A message of the kernel. */
export function recordMessage(
  state: KernelState,
  message: Message,
  fence: { id: string; lane: string } | undefined,
  { connection, isLeaving }: Way,
): Entry[] {
  const { header, parent, channel } = message;
  const entries: Entry[] = [];
  const isNewProcess = isAnotherProcess(state, message);
  if (isNewProcess || isRestart(message)) {
    // What the gateway says of it is about a kernel that has ended by itself.
    entries.push({
      ...{ kind: 'restarted', cause: isNewProcess ? 'restarted' : 'died' },
      ...(stateIn(message) === 'dead' && { isFinal: true }),
    });
  }
  if (fence && parent.msg_id === fence.id) {
    if (header.msg_type !== 'kernel_info_reply') return entries;
    return [
      ...entries,
      {
        ...{ kind: 'fenced', lane: fence.lane, connection, process: processOf(message) ?? '' },
        isSafeToResend: refusesRepeats(message),
      },
    ];
  }
  if (isLatePrompt(state, message)) return entries;
  const { process, ...facts } = { ...factsOf(message), ...addressee(state, message, channel) };
  return [...entries, { ...facts, ...(process !== undefined && !isLeaving && { process }) }];
}

function recordControl(
  { isRestarting }: KernelState,
  entry: RequestEntry,
  { connection, isHeld }: Conditions,
): RequestEntry {
  const isDeliverable = connection !== undefined && !isHeld && !isRestarting;
  if (!isDeliverable) return { ...entry, isControl: true, refused: 'notNow' };
  return { ...entry, isControl: true, sentOn: connection };
}

/** An input is for the prompt that its sender saw, and for no later one. */
function recordInput(
  { prompt }: KernelState,
  entry: RequestEntry,
  incoming: Incoming,
  message: Message,
): RequestEntry {
  const isOpen = prompt && !prompt.input && incoming.seen >= prompt.sequence;
  const named = message.parent.msg_id;
  const isMeant = named === undefined || named === prompt?.id || named === prompt?.parent;
  return isOpen && isMeant ? { ...entry, answersPrompt: true } : { ...entry, isIgnored: true };
}

function reasonAgainst(
  state: KernelState,
  channel: ChannelState | undefined,
  { seen, waitedMilliseconds, channel: key }: Incoming,
  limits: Limits,
): Cause | undefined {
  if (waitedMilliseconds > limits.maxWaitMilliseconds) return 'tooLate';
  if (seen < state.restartedAt) return 'restarted';
  // As in a Run All without a cut: it was sent before its page saw the error that precedes it.
  if (seen < (channel?.failedAt ?? 0)) return 'error';
  if (state.owed.some((owed) => owed.request.channel === key && isAsFailed(owed))) return 'error';
  const wasHeld = waitedMilliseconds > limits.heldMilliseconds;
  if (!wasHeld) return undefined;
  const wasOvertaken = [...state.channels].some(
    ([other, { ranAt }]) => other !== key && ranAt > seen,
  );
  return wasOvertaken ? 'overtaken' : undefined;
}

function stopsOnError(message: Message): boolean {
  const content = message.content() as { stop_on_error?: unknown; silent?: unknown };
  return content.silent !== true && content.stop_on_error !== false;
}

/** Messages of an old process may still arrive. */
function isAnotherProcess({ process, formerProcesses }: KernelState, message: Message): boolean {
  if (process === undefined || message.header.msg_type !== 'status') return false;
  const present = processOf(message);
  return present !== undefined && present !== process && !formerProcesses.includes(present);
}

/** Its process is gone: nobody can answer it. */
function isLatePrompt({ formerProcesses }: KernelState, message: Message): boolean {
  const process = processOf(message);
  const isPrompt = message.header.msg_type === 'input_request';
  return isPrompt && process !== undefined && formerProcesses.includes(process);
}

/** Some kernels repeat their client's session, and the gateway makes messages of its own: those say nothing. */
function processOf(message: Message): string | undefined {
  const { session } = message.header;
  return session === message.parent.session || isOfGateway(message) ? undefined : session;
}

/** The gateway's own word that the kernel's process is another one, or none. */
function isRestart(message: Message): boolean {
  if (!isOfGateway(message)) return false;
  return ['restarting', 'autorestarting', 'dead'].includes(stateIn(message) ?? '');
}

/** jupyter-server makes up status messages with an empty parent; a kernel's `starting` has one as well. */
function isOfGateway(message: Message): boolean {
  const state = stateIn(message);
  return state !== undefined && state !== 'starting' && message.parent.msg_id === undefined;
}

function stateIn(message: Message): string | undefined {
  if (message.header.msg_type !== 'status') return undefined;
  const { execution_state: state } = message.content() as { execution_state?: unknown };
  return typeof state === 'string' ? state : undefined;
}

function factsOf(message: Message): MessageEntry {
  const { header, parent } = message;
  const entry: MessageEntry = { kind: 'message', type: header.msg_type };
  if (parent.msg_id !== undefined) entry.parent = parent.msg_id;
  const process = processOf(message);
  if (process !== undefined) entry.process = process;
  if (header.msg_type === 'status') entry.executionState = stateIn(message) ?? '';
  if (header.msg_type === 'input_request') entry.prompt = header.msg_id;
  if (header.msg_type === 'kernel_info_reply') entry.refusesRepeats = refusesRepeats(message);
  if (header.msg_type === 'execute_reply') {
    const { status } = message.content() as { status?: unknown };
    entry.status = typeof status === 'string' ? status : 'ok';
  }
  return entry;
}

/** ipykernel knows a signature that it has seen; of inputs, it throws away what came before it asked. */
function refusesRepeats(message: Message): boolean {
  const content = message.content() as { implementation?: unknown };
  return content.implementation === 'ipython';
}

/** Output is everybody's; a reply and a prompt are for the one whose request they belong to. */
function addressee(state: KernelState, { parent }: Message, channel: string): { to?: string } {
  if (channel === 'iopub') return {};
  const id = parent.msg_id ?? '';
  const runs = [...state.lanes.values()].find(({ running }) => running?.id === id)?.running;
  const asker = runs?.channel ?? state.unanswered.get(id)?.channel;
  const to = asker ?? (state.answered.includes(id) ? '' : parent.session) ?? '';
  return { to: state.channels.has(to) ? to : '' };
}
