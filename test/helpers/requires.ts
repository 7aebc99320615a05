// Tests with real parts need programs that a user's machine may lack: there they are skipped and say why;
// where CI=true a missing program is a failure.
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import type { TestContext } from 'node:test';

/** Whether `program` (a name on PATH, or an absolute path) is there; if not, the test is skipped. */
export function requireProgram(t: TestContext, program: string): boolean {
  if (findProgram(program) !== undefined) return true;
  const message = `${program} is not installed`;
  if (process.env['CI'] === 'true')
    throw new Error(`${message}, and with CI=true nothing is skipped`);
  t.skip(message);
  return false;
}

/** Undefined: it is not on PATH, or cannot be run. */
export function findProgram(program: string): string | undefined {
  const folders = program.startsWith('/') ? [''] : (process.env['PATH'] ?? '').split(':');
  return folders.map((folder) => path.join(folder, program)).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
