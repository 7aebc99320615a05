// What a run of the client goes by, and where each value comes from: flag, environment, configuration file, gcloud's
// configuration, default, in this order. Commands read it once; nothing else reads the environment.
import { homedir } from 'node:os';
import path from 'node:path';
import type { CreateSessionRequest } from '../../functions/contract.ts';
import { ClientError } from '../errors.ts';
import { SETTING_NAMES, type Flags, type SettingName } from '../flags.ts';
import type { Io } from '../io.ts';

export interface Origin {
  kind: 'flag' | 'environment' | 'file' | 'gcloud' | 'emulator' | 'derived' | 'default';
  /** Such as `--zone`, `ZONE`, the configuration file's path, or `gcloud configuration default`. */
  detail: string;
}

export interface Settings {
  /** Everything on this machine. */
  emulator: boolean;
  /** Undefined: the backend is named by its URL. */
  project: string | undefined;
  zone: string | undefined;
  /** Base URL of the API; undefined when nothing says it, and with the emulator. */
  apiUrl: string | undefined;
  /** Base URL of Google's TCP forwarding. */
  iapUrl: string;
  /** Base URL of Compute Engine, for the check that project and zone exist. */
  computeUrl: string;
  /** E-mail of gcloud's account, or of the emulator's user. */
  account: string | undefined;
  /** A credential file that was asked for. */
  credentials: string | undefined;
  /** gcloud's folder, with application default credentials in it. */
  gcloudDir: string;
  /** Folder of what the client keeps between starts: logs, who runs what, the emulator. */
  stateDir: string;
  contentDir: string | undefined;
  name: string;
  ui: 'process' | 'none';
  /** Undefined: 8081 or the next free one. */
  port: number | undefined;
  browser: boolean;
  /** Fields of `POST /v1/sessions` that something says, beside the name. */
  session: Omit<Partial<CreateSessionRequest>, 'name' | 'validateOnly'>;
  origins: Readonly<Partial<Record<SettingName, Origin>>>;
}

const IAP_URL = 'wss://tunnel.cloudproxy.app/v4';
const COMPUTE_URL = 'https://compute.googleapis.com';

/**
 * Asks nobody and calls nobody.
 * @throws ClientError that names the setting, where it comes from and what it must be
 */
export function readSettings(flags: Flags, { env, cwd }: Pick<Io, 'env' | 'cwd'>): Settings {
  const home = env['HOME'] ?? homedir();
  const state = env['XDG_STATE_HOME'] ?? path.join(home, '.local/state');
  return {
    emulator: flags.emulator === true,
    project: env['PROJECT_ID'],
    zone: env['ZONE'],
    apiUrl: env['DATALAB_API_URL'],
    iapUrl: env['DATALAB_IAP_URL'] ?? IAP_URL,
    computeUrl: env['DATALAB_COMPUTE_URL'] ?? COMPUTE_URL,
    account: undefined,
    credentials: env['GOOGLE_APPLICATION_CREDENTIALS'],
    gcloudDir: env['CLOUDSDK_CONFIG'] ?? path.join(home, '.config/gcloud'),
    stateDir: path.resolve(cwd, env['DATALAB_STATE_DIR'] ?? path.join(state, 'datalab')),
    contentDir: env['DATALAB_CONTENT_DIR'],
    name: textOf(flags, 'name') ?? 'default',
    ui: textOf(flags, 'ui') === 'none' ? 'none' : 'process',
    port: portOf(flags),
    browser: flags.browser !== false,
    session: {},
    origins: Object.fromEntries(
      SETTING_NAMES.filter((name) => typeof flags[name] === 'string').map((name) => [
        name,
        { kind: 'flag', detail: `--${name}` },
      ]),
    ),
  };
}

function textOf(flags: Flags, name: SettingName): string | undefined {
  const value = flags[name];
  return typeof value === 'string' ? value : undefined;
}

function portOf(flags: Flags): number | undefined {
  const text = textOf(flags, 'port');
  if (text === undefined) return undefined;
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1 && number <= 65535) return number;
  throw new ClientError(`--port ${text}: Not a port: give a number from 1 to 65535.`);
}
