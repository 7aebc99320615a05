// The settings that the emulator gives the functions: Google's base URLs, which in production are the defaults,
// and what Terraform or `deploy` would set. functions/config.ts is their reader.
import path from 'node:path';
import type { FunctionUrls } from './google.ts';
import { schedulerAccount } from './scheduler/state.ts';
import type { Settings } from './settings.ts';

export interface FunctionsSurroundings {
  settings: Settings;
  stateDir: string;
  zone: string;
  /** http://127.0.0.1:PORT of the emulated APIs. */
  googleUrl: string;
  functionUrls: FunctionUrls;
}

export function functionsEnvironment(surroundings: FunctionsSurroundings): Record<string, string> {
  const { settings, stateDir, zone, googleUrl, functionUrls } = surroundings;
  return {
    PROJECT_ID: settings.project,
    PROJECT_NUMBER: settings.projectNumber,
    ZONE: zone,
    API_URL: functionUrls.api,
    // The audience of the scheduler's tokens.
    REAP_URL: functionUrls.reapIdle,
    SCHEDULER_SERVICE_ACCOUNT: schedulerAccount(settings.project),
    LISTEN_ADDRESS: '127.0.0.1',
    SESSION_STORE: 'sqlite',
    SQLITE_FILE: path.join(stateDir, 'sessions.sqlite'),
    SESSION_TOKEN_KEYS: JSON.stringify({ 1: settings.sessionTokenKey }),
    COMPUTE_API_URL: googleUrl,
    CLOUD_BUILD_API_URL: googleUrl,
    LOGGING_API_URL: googleUrl,
    IAP_API_URL: googleUrl,
    REGISTRY_URL: googleUrl,
    ID_TOKEN_CERTS_URL: `${googleUrl}/oauth2/v1/certs`,
    // The emulated cloud is quicker than Google's.
    OBSERVE_INTERVAL_SECONDS: '0.5',
    // What it has received, the emulated Cloud Logging shows.
    LOG_SETTLE_SECONDS: '0.05',
    GCE_METADATA_HOST: new URL(googleUrl).host,
  };
}
