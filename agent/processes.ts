// The machine's processes and their processor time, from /proc (proc_pid_stat(5), proc_stat(5)). cpu.ts asks.
import { readdir, readFile, readlink } from 'node:fs/promises';

/** Linux counts processor time for programs in hundredths of a second, whatever its own clock (USER_HZ). */
export const TICKS_PER_SECOND = 100;

export interface Process {
  pid: number;
  parent: number;
  /** The process that began its session. */
  session: number;
  /** In ticks since boot: process ids are used again. */
  startedAt: number;
  /** Of its own, and of the children that it has waited for. */
  ticks: number;
}

/** All that can be seen from here: in a container without the host's process ids, hardly any. */
export async function listProcesses(): Promise<Process[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const stat = await readOf(pid, 'stat');
      return stat === undefined ? [] : [parseStat(stat)];
    }),
  );
  return found.flat();
}

/** This process, as /proc counts: `process.pid` may be of another namespace. */
export async function ownPid(): Promise<number> {
  return Number(await readlink('/proc/self'));
}

/** Empty when the process has ended. */
export async function commandOf(pid: number): Promise<string> {
  return (await readOf(pid, 'cmdline')) ?? '';
}

/** In how many namespaces of process ids it is, counted from the one that /proc shows; 0 when it has ended. */
export async function namespaceDepthOf(pid: number): Promise<number> {
  const status = await readOf(pid, 'status');
  return (
    /^NSpid:(.*)$/m
      .exec(status ?? '')?.[1]
      ?.trim()
      .split(/\s+/).length ?? 0
  );
}

/** Ticks that all processors together have worked since boot, in programs and for them. */
export async function machineTicks(): Promise<number> {
  const [line = ''] = (await readFile('/proc/stat', 'latin1')).split('\n');
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = line
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return user + nice + system + irq + softirq;
}

export function parseStat(stat: string): Process {
  // The command, in parentheses, may hold anything; the state is behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const field = (index: number) => Number(fields[index - 3]);
  return {
    pid: Number.parseInt(stat, 10),
    parent: field(4),
    session: field(6),
    startedAt: field(22),
    ticks: field(14) + field(15) + field(16) + field(17),
  };
}

async function readOf(pid: number | string, file: string): Promise<string | undefined> {
  return await readFile(`/proc/${pid}/${file}`, 'latin1').catch(() => undefined);
}
