// How the messages of a kernel's channels change what is known of it (pure): which requests are in flight, whether one
// waits for input, what was activity. kernels.ts calls it for every message that kernel-host.ts passes on.
//
// Busy is an execute without its own idle, by parent: an idle that belongs to something else says nothing (a
// kernel_info_request on the control channel publishes one in the middle of a cell).
import type { KernelRecord, Work } from './kernel-record.ts';
import {
  afterRestart,
  isNewProcess,
  withFinished,
  withProbe,
  withWork,
  withoutProbe,
  withoutPrompt,
  withoutWork,
} from './kernel-record.ts';
import type { KernelMessage, ParentRequest } from './message.ts';

/** Requests that front-ends send on their own. */
const PROBES: readonly string[] = [
  'kernel_info_request',
  'comm_info_request',
  'history_request',
  'is_complete_request',
];
const CONTROL: readonly string[] = [
  'debug_request',
  'interrupt_request',
  'shutdown_request',
  'create_subshell_request',
  'delete_subshell_request',
  'list_subshell_request',
];
const COMM: readonly string[] = ['comm_open', 'comm_msg', 'comm_close'];
const OUTPUT: readonly string[] = [
  ...COMM,
  'stream',
  'display_data',
  'update_display_data',
  'execute_result',
  'execute_input',
  'error',
  'input_request',
];

/** Somebody works with the kernel; the rest front-ends send on their own, or to the control channel. */
export function isUse(message: KernelMessage): boolean {
  return !PROBES.includes(message.type) && message.channel !== 'control';
}

/** A front-end sends something to the kernel. */
export function afterRequest(
  kernel: KernelRecord,
  message: KernelMessage,
  now: number,
): KernelRecord {
  const next = isUse(message) ? afterUse(kernel, now) : kernel;
  if (message.type === 'input_reply') return withoutPrompt(next);
  if (message.channel !== 'shell') return next;
  if (message.type === 'execute_request') return withWork(next, message.id, { kind: 'execute' });
  return message.type === 'kernel_info_request' ? withProbe(next, message.id) : next;
}

/** A front-end wants something of the kernel, which may wait at the gate. */
export function afterUse(kernel: KernelRecord, now: number): KernelRecord {
  return { ...kernel, activeAt: now };
}

/** The kernel sends something, and one of its channels delivers it. */
export function afterAnswer(
  kernel: KernelRecord,
  message: KernelMessage,
  now: number,
): KernelRecord {
  const isActivity = OUTPUT.includes(message.type);
  const next = { ...kernel, lastMessageAt: now, activeAt: isActivity ? now : kernel.activeAt };
  switch (message.type) {
    case 'status':
      return afterStatus(next, message, now);
    case 'execute_reply':
      return withReply(next, message.parent, now);
    case 'input_request':
      return message.parent ? { ...next, prompt: message.parent.id } : next;
    case 'shutdown_reply':
      // Published, it is a process's last word; an answer may say that it was not ended.
      return message.channel === 'iopub' ? afterRestart(next, now) : next;
    default:
      return next;
  }
}

/** How many front-ends are connected. */
export function afterFrontEnds(kernel: KernelRecord, frontEnds: number): KernelRecord {
  return { ...kernel, frontEnds };
}

/** The agent's own connection to the gateway: from now on the kernel's messages are seen. */
export function afterChannelOpened(kernel: KernelRecord, now: number): KernelRecord {
  return { ...kernel, channels: kernel.channels + 1, lastMessageAt: now };
}

export function afterChannelClosed(kernel: KernelRecord, now: number): KernelRecord {
  const channels = Math.max(0, kernel.channels - 1);
  if (channels > 0) return { ...kernel, channels };
  const work = new Map<string, Work>();
  for (const [id, item] of kernel.work) work.set(id, { ...item, unseenSince: now });
  return { ...kernel, channels, work };
}

function afterStatus(kernel: KernelRecord, message: KernelMessage, now: number): KernelRecord {
  const state = message.executionState ?? '';
  if (isNewProcess(state)) return afterRestart(kernel, now);
  const { parent } = message;
  if (parent === undefined) return kernel;
  const isListDoubtful = isOfControl(kernel, parent);
  const next = { ...kernel, hasAnswered: true, isListDoubtful };
  if (isListDoubtful) return next;
  if (state === 'busy') return afterBusy(next, parent, now);
  return state === 'idle' ? afterIdle(next, parent, now) : next;
}

/** The gateway itself asks for kernel_info on the control channel; ours to the shell are known by id. */
function isOfControl(kernel: KernelRecord, parent: ParentRequest): boolean {
  if (parent.type === 'kernel_info_request') return !kernel.probes.has(parent.id);
  return CONTROL.includes(parent.type);
}

function afterBusy(kernel: KernelRecord, parent: ParentRequest, now: number): KernelRecord {
  const isExecute = parent.type === 'execute_request';
  if (!isExecute && !COMM.includes(parent.type)) return kernel;
  if (kernel.finished.includes(parent.id)) return kernel;
  const known: Work = kernel.work.get(parent.id) ?? { kind: isExecute ? 'execute' : 'comm' };
  const started = withWork(kernel, parent.id, { ...known, startedAt: now });
  return isExecute ? afterFence(started, parent) : started;
}

function afterIdle(kernel: KernelRecord, parent: ParentRequest, now: number): KernelRecord {
  const isOver = (_item: Work, id: string) => id === parent.id;
  const over = withFinished(withoutWork({ ...kernel, idleAt: now }, isOver), parent.id);
  return kernel.probes.has(parent.id) ? afterFence(withoutProbe(over, parent.id), parent) : over;
}

/**
 * Requests to the shell are done in order, so what had started before this one has ended; its idle fell into a time
 * without channels. Not so for subshells, which run beside the shell.
 */
function afterFence(kernel: KernelRecord, fence: ParentRequest): KernelRecord {
  if (fence.isSubshell) return kernel;
  return withoutWork(
    kernel,
    (item, id) => id !== fence.id && item.startedAt !== undefined && item.unseenSince !== undefined,
  );
}

function withReply(
  kernel: KernelRecord,
  parent: ParentRequest | undefined,
  now: number,
): KernelRecord {
  const item = parent && kernel.work.get(parent.id);
  return item ? withWork(kernel, parent.id, { ...item, repliedAt: now }) : kernel;
}
