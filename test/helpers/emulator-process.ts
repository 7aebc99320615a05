// The emulator of a state folder, found as an administrator would: by its command line.
import { readdirSync, readFileSync } from 'node:fs';

/** @throws when it does not run */
export function emulatorPid(stateDir: string): number {
  const found = readdirSync('/proc').find(
    (pid) => /^[0-9]+$/.test(pid) && isEmulator(pid, stateDir),
  );
  if (found === undefined) throw new Error(`no emulator of ${stateDir} runs`);
  return Number(found);
}

function isEmulator(pid: string, stateDir: string): boolean {
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0');
    const environment = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
    return (
      command.includes('--until-detached') && environment.includes(`DATALAB_STATE_DIR=${stateDir}`)
    );
  } catch {
    return false;
  }
}
