// Finds and signals the processes of an instance through /proc: kernels leave their parent's process group,
// so a group is not enough. Linux only.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

export const LEASH_VARIABLE = 'DATALAB_EMULATOR_LEASH';

/** Processes whose environment says that they are on the leash `accepts` names. */
export function findLeashed(accepts: (leash: string) => boolean): number[] {
  return allProcesses().filter((pid) => {
    const leash = leashOf(pid);
    return leash !== undefined && accepts(leash);
  });
}

/** Processes in the PID namespace that `pid` is in, itself included. */
export function findInNamespaceOf(pid: number): number[] {
  const namespace = namespaceOf(pid);
  if (namespace === undefined) return [];
  return allProcesses().filter((candidate) => namespaceOf(candidate) === namespace);
}

/** The PID namespace, as `pid:[4026531836]`; undefined when the process is gone or not ours to see. */
export function namespaceOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return undefined;
  }
}

/** State letter (`T` stopped, `Z` zombie, …) and parent, from proc(5)'s stat. */
export function statusOf(pid: number): { state: string; parent: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field is the command in parentheses and may hold anything.
    const [state = '', parent = ''] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state, parent: Number(parent) };
  } catch {
    return undefined;
  }
}

/** Whether the process runs or could: not gone, and no zombie that waits for its parent. */
export function isAlive(pid: number): boolean {
  const state = statusOf(pid)?.state;
  return state !== undefined && state !== 'Z' && state !== 'X';
}

export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/**
 * Signals what `find` names until `isDone` holds for all of it: a process may fork while its neighbours are
 * being stopped. Throws after `seconds`.
 */
export async function signalUntil(
  find: () => number[],
  name: NodeJS.Signals,
  isDone: (pid: number) => boolean,
  seconds: number,
): Promise<void> {
  for (let round = 0; round < seconds * 50; round += 1) {
    const open = find().filter((pid) => !isDone(pid));
    if (open.length === 0) return;
    for (const pid of open) signal(pid, name);
    await delay(20);
  }
  throw new Error(`processes did not take ${name} within ${seconds} s: ${find().join(' ')}`);
}

/** Waits until nothing of what `find` names is alive, at most for `seconds`. */
export async function untilGone(find: () => number[], seconds: number): Promise<void> {
  for (let round = 0; round < seconds * 50 && find().some(isAlive); round += 1) await delay(20);
}

function allProcesses(): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^[0-9]+$/.test(entry))
    .map(Number);
}

function leashOf(pid: number): string | undefined {
  const prefix = `${LEASH_VARIABLE}=`;
  try {
    const environment = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
    return environment.find((entry) => entry.startsWith(prefix))?.slice(prefix.length);
  } catch {
    return undefined;
  }
}
