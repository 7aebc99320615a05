// How much the kernels' processes compute: threads and subprocesses look idle to Jupyter. look.ts asks before the
// machine is stopped or deleted (a suspend keeps their memory, so it does not matter there).
//
// Counted is the gateway with everything below it, and what has left its parent but not a kernel's session. The whole
// machine would be simpler, and is what counts where the kernels' processes cannot be seen; but then whatever else runs
// beside the kernels keeps it awake.
import type { Clock } from './clock.ts';
import type { Process } from './processes.ts';
import {
  commandOf,
  listProcesses,
  machineTicks,
  namespaceDepthOf,
  ownPid,
  TICKS_PER_SECOND,
} from './processes.ts';

/**
 * Processors in use, all together, that still count as rest. A thread that computes takes a whole one; a gateway and
 * its idle kernels take a hundredth or two between them.
 */
const REST_PROCESSORS = 0.1;

export interface CpuSample {
  /** Milliseconds awake. */
  at: number;
  kind: 'kernels' | 'machine';
  /** By process. */
  ticks: ReadonlyMap<string, number>;
}

/** Samples of two kinds cannot be compared: in doubt there is work. */
export function isRest(before: CpuSample, after: CpuSample): boolean {
  if (before.kind !== after.kind) return false;
  let used = 0;
  for (const [key, ticks] of after.ticks) {
    used += Math.max(0, ticks - (before.ticks.get(key) ?? 0));
  }
  const seconds = (after.at - before.at) / 1000;
  return used / TICKS_PER_SECOND <= REST_PROCESSORS * seconds;
}

/** `roots`, what is below them, and what shares a session that one of these has begun. */
export function belowOf(processes: readonly Process[], roots: ReadonlySet<number>): Process[] {
  const pids = new Set(roots);
  for (let before = -1; before !== pids.size;) {
    before = pids.size;
    for (const { pid, parent, session } of processes) {
      if (pids.has(parent) || pids.has(session)) pids.add(pid);
    }
  }
  return processes.filter(({ pid }) => pids.has(pid));
}

export class Cpu {
  readonly #clock: Pick<Clock, 'awake'>;
  /** Gateways that were found by a kernel, by pid; their later processes may have no kernel any more. */
  readonly #roots = new Map<number, Process>();

  constructor(clock: Pick<Clock, 'awake'>) {
    this.#clock = clock;
  }

  /** `kernelIds` of the kernels that have a process. */
  async sample(kernelIds: readonly string[]): Promise<CpuSample> {
    const processes = await listProcesses();
    const areFound = await this.#findRoots(processes, kernelIds);
    const at = this.#clock.awake();
    if (!areFound) {
      return { at, kind: 'machine', ticks: new Map([['machine', await machineTicks()]]) };
    }
    const own = await ownPid();
    const counted = belowOf(processes, new Set(this.#roots.keys()));
    const others = counted.filter(({ pid }) => pid !== own);
    return { at, kind: 'kernels', ticks: new Map(others.map((one) => [keyOf(one), one.ticks])) };
  }

  /** Whether every kernel has a process that can be seen. */
  async #findRoots(processes: readonly Process[], kernelIds: readonly string[]): Promise<boolean> {
    const byPid = new Map(processes.map((one) => [one.pid, one]));
    for (const [pid, root] of this.#roots) {
      const same = byPid.get(pid);
      if (same === undefined || keyOf(same) !== keyOf(root)) this.#roots.delete(pid);
    }
    const found = new Set<string>();
    for (const one of processes) {
      const command = await commandOf(one.pid);
      // Every kernel is told the name of its connection file, which has its id.
      const ids = kernelIds.filter((id) => command.includes(id));
      if (ids.length === 0) continue;
      for (const id of ids) found.add(id);
      const root = await rootOf(one, byPid);
      this.#roots.set(root.pid, root);
    }
    return found.size === kernelIds.length;
  }
}

/** Of a kernel in a container the container's first process, to which orphans fall; of any other its gateway. */
async function rootOf(kernel: Process, byPid: ReadonlyMap<number, Process>): Promise<Process> {
  const own = await namespaceDepthOf(await ownPid());
  const isInContainer = async (one: Process) => (await namespaceDepthOf(one.pid)) > own;
  const parentOf = (one: Process) => (one.parent > 1 ? byPid.get(one.parent) : undefined);
  let root = kernel;
  let parent = parentOf(root);
  if (!(await isInContainer(kernel))) return parent ?? kernel;
  while (parent && (await isInContainer(parent))) {
    root = parent;
    parent = parentOf(root);
  }
  return root;
}

function keyOf({ pid, startedAt }: Process): string {
  return `${pid} ${startedAt}`;
}
