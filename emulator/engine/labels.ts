// How containers on an engine are known again: by labels that the stand-ins for docker give to everything that they run.

/** Whose emulator: its id. */
export const EMULATOR_LABEL = 'datalab.emulator';
/** Which instance, or which build: the leash of its processes. */
export const LEASH_LABEL = 'datalab.emulator.leash';

export function ofEmulator(emulatorId: string): string {
  return `label=${EMULATOR_LABEL}=${emulatorId}`;
}

export function ofInstance(leash: string): string {
  return `label=${LEASH_LABEL}=${leash}`;
}
