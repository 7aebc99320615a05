// Everything that the handlers need, made from the configuration: once, at the first request that needs it. Google's
// clients load themselves when they are first used.
import { randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { ApiDeps } from './api.ts';
import type { Clock } from './clock.ts';
import type { Config } from './config.ts';
import { AppError } from './errors.ts';
import { createCompute } from './google/compute.ts';
import { lazyGoogleAuth } from './google/credentials.ts';
import { createIdentity } from './google/identity.ts';
import { createRegistry } from './google/registry.ts';
import type { Log } from './log.ts';
import { openSqliteStore } from './store/sqlite.ts';

export function createDeps(config: Config, clock: Clock, log: Log): ApiDeps {
  const auth = lazyGoogleAuth();
  return {
    config,
    clock,
    log,
    store: openSqliteStore(config.sqliteFile),
    compute: createCompute(config, auth),
    registry: createRegistry(config, auth),
    identity: createIdentity(config),
    startupScript: () => readStartupScript(config.instance.startupScriptFile),
    createUid,
  };
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyz';
const UID_LENGTH = 12;

/** Random, and fit for names of instances: a letter first, then letters and digits. */
export function createUid(): string {
  const pick = (characters: string) => characters.charAt(randomInt(characters.length));
  const rest = Array.from({ length: UID_LENGTH - 1 }, () => pick(`${LETTERS}0123456789`));
  return pick(LETTERS) + rest.join('');
}

async function readStartupScript(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new AppError(
      'FAILED_PRECONDITION',
      `The startup script ${file} cannot be read; set STARTUP_SCRIPT_FILE in the backend's environment.`,
      { cause },
    );
  }
}
