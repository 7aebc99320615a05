// Everything that the handlers need, made from the configuration: once, at the first request that needs it. Google's
// clients load themselves when they are first used.
import { readFile } from 'node:fs/promises';
import type { ApiDeps } from './api.ts';
import type { Clock } from './clock.ts';
import type { Config } from './config.ts';
import { AppError } from './errors.ts';
import { createCompute } from './google/compute.ts';
import { lazyGoogleAuth } from './google/credentials.ts';
import { createIdentity } from './google/identity.ts';
import { createRegistry } from './google/registry.ts';
import { createCatalog } from './google/catalog.ts';
import { createBuilds } from './google/cloudbuild.ts';
import { createTunnelGrants } from './google/iap.ts';
import { createBuildLog, createLogEntries } from './google/logging.ts';
import type { Log } from './log.ts';
import { openFirestoreStore } from './store/firestore.ts';
import { News, tellingStore } from './news.ts';
import type { ImageStore } from './store/image-store.ts';
import type { SessionStore } from './store/session-store.ts';
import { openSqliteStore } from './store/sqlite.ts';
import { createUid } from './uid.ts';

export function createDeps(config: Config, clock: Clock, log: Log): ApiDeps {
  const auth = lazyGoogleAuth(config);
  const news = new News();
  const store = tellingStore(openStore(config), news);
  const compute = createCompute(config, auth);
  const logEntries = createLogEntries(config, auth);
  return {
    config,
    clock,
    log,
    store,
    news,
    images: store,
    compute,
    serialPorts: compute,
    registry: createRegistry(config, auth),
    catalog: createCatalog(config, auth),
    builds: createBuilds(config, auth),
    buildLog: createBuildLog(logEntries),
    logEntries,
    grants: createTunnelGrants(config, auth),
    identity: createIdentity(config),
    startupScript: () => readStartupScript(config.instance.startupScriptFile),
    createUid,
  };
}

function openStore({ store, projectId }: Config): SessionStore & ImageStore {
  if (store.kind === 'sqlite') return openSqliteStore(store.file);
  return openFirestoreStore({ projectId, databaseId: store.database });
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
