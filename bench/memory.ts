// What memory a process takes, as the operating system counts it: proc_pid_status(5).
import { readFileSync, writeFileSync } from 'node:fs';

/** The most that was in memory at a time, since its start or since `forgetPeak`. */
export function peakMegabytes(processId: number): number {
  const status = readFileSync(`/proc/${processId}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}

/** From now on the peak is that of what follows; see proc_pid_clear_refs(5). */
export function forgetPeak(processId: number): void {
  writeFileSync(`/proc/${processId}/clear_refs`, '5');
}
