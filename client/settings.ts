// What the environment says, read once. Flags come from the command line and win.
import { homedir } from 'node:os';
import path from 'node:path';
import type { Io } from './io.ts';

export interface Settings {
  /** Folder of what the client keeps between starts: logs, who runs what, the emulator. */
  stateDir: string;
  /** Base URL of the API; undefined when nothing says it. */
  apiUrl: string | undefined;
  /** Base URL of Google's TCP forwarding. */
  iapUrl: string;
  /** Application default credentials. */
  credentialsFile: string;
  contentDir: string | undefined;
}

const IAP_URL = 'wss://tunnel.cloudproxy.app/v4';

export function readSettings({ env, cwd }: Pick<Io, 'env' | 'cwd'>): Settings {
  const home = env['HOME'] ?? homedir();
  const state = env['XDG_STATE_HOME'] ?? path.join(home, '.local/state');
  const gcloud = env['CLOUDSDK_CONFIG'] ?? path.join(home, '.config/gcloud');
  return {
    stateDir: path.resolve(cwd, env['DATALAB_STATE_DIR'] ?? path.join(state, 'datalab')),
    apiUrl: env['DATALAB_API_URL'],
    iapUrl: env['DATALAB_IAP_URL'] ?? IAP_URL,
    credentialsFile:
      env['GOOGLE_APPLICATION_CREDENTIALS'] ??
      path.join(gcloud, 'application_default_credentials.json'),
    contentDir: env['DATALAB_CONTENT_DIR'],
  };
}
