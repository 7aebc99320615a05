// What the emulator itself remembers from start to start: whose state folder it is, its ports, and the key of
// the functions' session tokens (in production Secret Manager holds that).
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { z } from 'zod';
import { createProjectNumber } from './ids.ts';
import { openStateFile, type StateFile } from './state.ts';

const settingsRecord = z.object({
  project: z.string(),
  projectNumber: z.string(),
  port: z.int().optional(),
  /** Under which images on an engine may still be named. */
  formerPorts: z.array(z.int()).optional(),
  functionsPort: z.int().optional(),
  onBuildFinishedPort: z.int().optional(),
  reapIdlePort: z.int().optional(),
  sessionTokenKey: z.string(),
});
export type Settings = z.infer<typeof settingsRecord>;

/** @throws Error when the state folder belongs to another project: its links would all be wrong. */
export function openSettings(stateDir: string, project: string): StateFile<Settings> {
  const file = openStateFile(path.join(stateDir, 'emulator.json'), settingsRecord, () => ({
    project,
    projectNumber: createProjectNumber(),
    sessionTokenKey: randomBytes(32).toString('base64url'),
  }));
  if (file.value.project === project) return file;
  throw new Error(
    `${stateDir} holds the emulated project ${file.value.project}, not ${project}. ` +
      'Choose another state folder, or remove this one.',
  );
}
