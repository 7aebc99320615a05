// What a kernel is doing, told from its record and, where no message passed, from the gateway's own list (pure).
// kernels.ts asks; reporter.ts sends it to the API.
//
// In doubt a kernel is busy: a machine that stays awake costs money, one that sleeps too early costs work.
import type { KernelActivity } from '../functions/contract.ts';
import type { KernelRecord, ListedKernel, Work } from './kernel-record.ts';
import { afterRestart, isNewProcess, withoutWork } from './kernel-record.ts';

/** The gateway and we see the same message a little apart. */
const SAME_MESSAGE_MILLISECONDS = 1_000;

/**
 * A kernel that nobody has opened says `starting` for ever (jupyter_server 1.23): it answers, but nobody asks. Longer
 * than this no kernel takes to start.
 */
const STARTING_MILLISECONDS = 600_000;

/** The gateway's list, asked for at `askedAt` and answered at `answeredAt`. */
export function afterListing(
  kernel: KernelRecord,
  listed: ListedKernel,
  askedAt: number,
  answeredAt: number,
): KernelRecord {
  const next = { ...kernel, listed: { ...listed, answeredAt } };
  // With a channel open its messages say so, in their place among the others.
  const isUnseen = kernel.channels === 0 && isUnseenActivity(kernel, listed);
  if (isUnseen && isNewProcess(listed.executionState)) return afterRestart(next, kernel.activeAt);
  if (listed.executionState !== 'idle') return next;
  const isListCredible = !kernel.isListDoubtful || isUnseenActivity(kernel, listed);
  return withoutWork(next, (item) => isOver(item, isListCredible, askedAt));
}

export function activityOf(id: string, kernel: KernelRecord, now: number): KernelActivity {
  const state = stateOf(kernel, now);
  const idleMilliseconds = state === 'busy' ? 0 : now - lastActiveAt(kernel);
  return {
    id: id.slice(0, 64),
    name: (kernel.listed?.name ?? '').slice(0, 128),
    state,
    connections: kernel.frontEnds,
    idleSeconds: Math.max(0, Math.round(idleMilliseconds / 1000)),
  };
}

function stateOf(kernel: KernelRecord, now: number): KernelActivity['state'] {
  if (kernel.work.size > 0) return kernel.prompt === undefined ? 'busy' : 'waitingForInput';
  const { listed } = kernel;
  // An idle seen after the list was made: what the list says is old.
  if (listed === undefined || kernel.idleAt > listed.answeredAt) return 'idle';
  switch (listed.executionState) {
    case 'idle':
      return 'idle';
    case 'starting':
    case 'restarting':
    case 'autorestarting':
      if (kernel.hasAnswered) return 'idle';
      return now - listed.lastActivity > STARTING_MILLISECONDS ? 'idle' : 'starting';
    case 'dead':
      return 'dead';
    default:
      return 'busy';
  }
}

/** The list says that the kernel is idle: has this request ended without our seeing its idle? */
function isOver(item: Work, isListCredible: boolean, askedAt: number): boolean {
  // The kernel's iopub may drop an idle under load; the reply says that it was due. A comm has no reply.
  if (item.repliedAt !== undefined && item.repliedAt < askedAt) return true;
  const { kind, startedAt, unseenSince } = item;
  if (kind === 'comm') return isListCredible && startedAt !== undefined && startedAt < askedAt;
  return isListCredible && unseenSince !== undefined && unseenSince < askedAt;
}

function lastActiveAt(kernel: KernelRecord): number {
  const { listed, channels, activeAt } = kernel;
  if (listed === undefined || channels > 0 || !isUnseenActivity(kernel, listed)) return activeAt;
  // Of a kernel that never had a channel here, the list alone knows.
  return Number.isFinite(kernel.lastMessageAt)
    ? Math.max(activeAt, listed.lastActivity)
    : listed.lastActivity;
}

/** The gateway saw something of this kernel after the last message that we saw (and judged by its type). */
function isUnseenActivity(kernel: KernelRecord, listed: ListedKernel): boolean {
  return listed.lastActivity > kernel.lastMessageAt + SAME_MESSAGE_MILLISECONDS;
}
