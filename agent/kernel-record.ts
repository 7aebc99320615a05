// What the agent remembers of one kernel, and the small changes to it (pure). kernel-messages.ts applies what passes
// on the channels, activity.ts the gateway's list, and tells from the result what the kernel is doing.

/** One kernel in the gateway's `/api/kernels`. */
export interface ListedKernel {
  id: string;
  name: string;
  executionState: string;
  /** Milliseconds since the epoch; the gateway shares the agent's clock. */
  lastActivity: number;
}

/** A request that keeps the kernel busy until its own idle. */
export interface Work {
  readonly kind: 'execute' | 'comm';
  /** Its busy was seen. */
  readonly startedAt?: number;
  readonly repliedAt?: number;
  /** When the last channel closed: from then on its idle may have been missed. */
  readonly unseenSince?: number;
}

export interface KernelRecord {
  /** Connections to the gateway on which its messages are seen: one or none. */
  readonly channels: number;
  /** Front-ends that are connected to the agent for this kernel. */
  readonly frontEnds: number;
  readonly work: ReadonlyMap<string, Work>;
  /** Ids whose idle was seen: another channel may deliver their busy later. Bounded. */
  readonly finished: readonly string[];
  /** The request that waits for `input()`. */
  readonly prompt: string | undefined;
  /** kernel_info_requests that went to the shell, where they wait behind the running cell. Bounded. */
  readonly probes: ReadonlySet<string>;
  /** The last status seen belonged to the control channel: the gateway's list may say idle in the middle of a cell. */
  readonly isListDoubtful: boolean;
  /** This process of the kernel has answered something; the gateway's list may go on saying `starting`. */
  readonly hasAnswered: boolean;
  readonly lastMessageAt: number;
  /** The last message that was activity. */
  readonly activeAt: number;
  /** The last idle that came from the shell. */
  readonly idleAt: number;
  readonly listed?: ListedKernel & { readonly answeredAt: number };
}

const REMEMBERED_IDS = 64;

export function newKernel(now: number): KernelRecord {
  return {
    channels: 0,
    frontEnds: 0,
    work: new Map(),
    finished: [],
    prompt: undefined,
    probes: new Set(),
    isListDoubtful: false,
    hasAnswered: false,
    lastMessageAt: Number.NEGATIVE_INFINITY,
    activeAt: now,
    idleAt: Number.NEGATIVE_INFINITY,
  };
}

/** The wall clock was set: as if it had always been as it is now. What is compared with the gateway's own memory stays. */
export function shifted(kernel: KernelRecord, milliseconds: number): KernelRecord {
  const { work, listed } = kernel;
  return {
    ...kernel,
    work: new Map([...work].map(([id, item]) => [id, shiftedWork(item, milliseconds)])),
    activeAt: kernel.activeAt + milliseconds,
    idleAt: kernel.idleAt + milliseconds,
    ...(listed && { listed: { ...listed, answeredAt: listed.answeredAt + milliseconds } }),
  };
}

function shiftedWork({ kind, startedAt, repliedAt, unseenSince }: Work, by: number): Work {
  return {
    kind,
    ...(startedAt !== undefined && { startedAt: startedAt + by }),
    ...(repliedAt !== undefined && { repliedAt: repliedAt + by }),
    ...(unseenSince !== undefined && { unseenSince: unseenSince + by }),
  };
}

/** The kernel is a new process: nothing that it was asked before will be answered. */
export function afterRestart(kernel: KernelRecord, now: number): KernelRecord {
  return {
    ...withoutPrompt(kernel),
    work: new Map(),
    probes: new Set(),
    isListDoubtful: false,
    hasAnswered: false,
    activeAt: now,
    idleAt: now,
  };
}

export function isNewProcess(executionState: string): boolean {
  return ['starting', 'restarting', 'autorestarting', 'dead'].includes(executionState);
}

export function withWork(kernel: KernelRecord, id: string, item: Work): KernelRecord {
  return { ...kernel, work: new Map(kernel.work).set(id, item) };
}

export function withoutWork(
  kernel: KernelRecord,
  isOver: (item: Work, id: string) => boolean,
): KernelRecord {
  const over = [...kernel.work].filter(([id, item]) => isOver(item, id)).map(([id]) => id);
  if (over.length === 0) return kernel;
  const work = new Map(kernel.work);
  for (const id of over) work.delete(id);
  const next = { ...kernel, work };
  return kernel.prompt !== undefined && over.includes(kernel.prompt) ? withoutPrompt(next) : next;
}

export function withFinished(kernel: KernelRecord, id: string): KernelRecord {
  return { ...kernel, finished: [...kernel.finished, id].slice(-REMEMBERED_IDS) };
}

export function withProbe(kernel: KernelRecord, id: string): KernelRecord {
  return { ...kernel, probes: new Set([...kernel.probes, id].slice(-REMEMBERED_IDS)) };
}

export function withoutProbe(kernel: KernelRecord, id: string): KernelRecord {
  const probes = new Set(kernel.probes);
  probes.delete(id);
  return { ...kernel, probes };
}

export function withoutPrompt(kernel: KernelRecord): KernelRecord {
  return { ...kernel, prompt: undefined };
}
