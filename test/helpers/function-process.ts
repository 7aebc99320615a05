// The process of one of the backend's functions, which the emulator starts again when it has ended.
import { readdirSync, readFileSync } from 'node:fs';

export const FUNCTIONS = ['api', 'onBuildFinished', 'reapIdle'] as const;
export type FunctionName = (typeof FUNCTIONS)[number];

/** Ends it without warning. False when it does not run just now. */
export function killFunction(stateDir: string, name: FunctionName): boolean {
  const pid = readdirSync('/proc').find(
    (entry) => /^[0-9]+$/.test(entry) && isFunction(entry, stateDir, name),
  );
  if (pid === undefined) return false;
  process.kill(Number(pid), 'SIGKILL');
  return true;
}

/** The program itself, not the shell that holds its leash. */
function isFunction(pid: string, stateDir: string, name: FunctionName): boolean {
  try {
    const [program = ''] = readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0');
    const environment = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
    return (
      program.endsWith('node') &&
      environment.includes(`K_SERVICE=${name.toLowerCase()}`) &&
      environment.some((variable) => variable.startsWith(`SQLITE_FILE=${stateDir}/`))
    );
  } catch {
    return false; // It has ended meanwhile.
  }
}
