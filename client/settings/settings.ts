// What a run of the client goes by, and where each value comes from: flag, environment, configuration file, gcloud's
// configuration, default, in this order. Commands read it once; nothing else reads the environment.
import path from 'node:path';
import type { CreateSessionRequest } from '../../functions/contract.ts';
import { SETTING_NAMES, type Flags, type SettingName } from '../flags.ts';
import type { Io } from '../io.ts';
import { usualApiUrl } from './addresses.ts';
import type { Declaration, SessionField } from './declaration.ts';
import { DECLARATIONS, type Values } from './declarations.ts';
import { findGiven, openSources, type Answers, type Sources } from './sources.ts';
import { checkValue, readValues } from './values.ts';

export interface Origin {
  kind:
    | 'flag'
    | 'environment'
    | 'answer'
    | 'file'
    | 'gcloud'
    | 'emulator'
    | 'local'
    | 'derived'
    | 'default';
  /** Such as `--zone`, `ZONE`, the configuration file's path, or `gcloud configuration default`. */
  detail: string;
}

/** What emulated instances are: processes of this machine, or containers of its Docker engine. */
export type Runtime = 'process' | 'docker';

export interface Settings {
  /** Everything on this machine, the cloud emulated. */
  emulator: boolean;
  /** Kernels in containers of this machine, without any cloud. */
  local: boolean;
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
  /** Of the emulator; each has a state of its own. */
  runtime: Runtime;
  /** Undefined: see session/choose-ui.ts. */
  ui: 'container' | 'process' | 'none' | undefined;
  /** What the image of the container with the pages begins with. */
  uiBaseImage: string;
  /** Of the gateway image that `--local` builds: its PYPI. */
  gatewayPypi: string;
  /** Undefined: 8081 or the next free one. */
  port: number | undefined;
  browser: boolean;
  /** Fields of `POST /v1/sessions` that something says, beside the name. */
  session: Omit<Partial<CreateSessionRequest>, 'name' | 'validateOnly'>;
  origins: Readonly<Partial<Record<SettingName, Origin>>>;
}

/**
 * Asks nobody and calls nobody.
 * @throws ClientError that names the setting, where it comes from and what it must be
 */
export function readSettings(
  flags: Flags,
  io: Pick<Io, 'env' | 'cwd'>,
  answers: Answers = {},
): Settings {
  const sources = openSources(flags, io, answers);
  const { values, origins } = readValues(sources);
  const { project, zone } = values;
  const derived = project && zone && !values.apiUrl ? usualApiUrl(project, zone) : undefined;
  if (derived) origins.apiUrl = { kind: 'derived', detail: 'derived from project and zone' };
  return {
    emulator: sources.mode === 'emulator',
    local: sources.mode === 'local',
    project,
    zone,
    apiUrl: values.apiUrl ?? derived,
    iapUrl: values.iapUrl ?? DECLARATIONS.iapUrl.default,
    computeUrl: values.computeUrl ?? DECLARATIONS.computeUrl.default,
    account: values.account,
    credentials: values.credentials,
    gcloudDir: sources.gcloudDir,
    stateDir: values.stateDir ?? defaultStateDir(sources),
    contentDir: values.contentDir,
    name: values.name ?? DECLARATIONS.name.default,
    runtime: values.runtime ?? DECLARATIONS.runtime.default,
    ui: values.ui,
    uiBaseImage: values.uiBaseImage ?? DECLARATIONS.uiBaseImage.default,
    gatewayPypi: values.gatewayPypi ?? DECLARATIONS.gatewayPypi.default,
    port: values.port,
    browser: values.browser ?? DECLARATIONS.browser.default,
    session: sessionOf(values),
    origins,
  };
}

/** For what needs no more than that: other settings may be wrong. */
export function readEmulatorSettings(
  flags: Flags,
  io: Pick<Io, 'env' | 'cwd'>,
): Pick<Settings, 'stateDir' | 'runtime'> {
  const sources = openSources(flags, io);
  const stateDir = findGiven('stateDir', sources);
  const runtime = findGiven('runtime', sources);
  return {
    stateDir: stateDir
      ? String(checkValue('stateDir', stateDir, sources))
      : defaultStateDir(sources),
    runtime: runtime && checkValue('runtime', runtime, sources) === 'docker' ? 'docker' : 'process',
  };
}

/** Whether this call says it, by flag or variable; else a file or gcloud has it for every call. */
export function isGivenNow({ origins }: Pick<Settings, 'origins'>, field: SessionField): boolean {
  return SETTING_NAMES.some((name) => {
    const declaration: Declaration = DECLARATIONS[name];
    const kind = origins[name]?.kind;
    return declaration.field === field && (kind === 'flag' || kind === 'environment');
  });
}

/** By anybody, rather than by nobody. */
export function isSaid(origin: Origin | undefined): boolean {
  return origin !== undefined && origin.kind !== 'default';
}

function defaultStateDir({ env, home }: Sources): string {
  const given = env['XDG_STATE_HOME'] ?? '';
  const folder = path.isAbsolute(given) ? given : path.join(home, '.local/state');
  return path.join(folder, 'datalab');
}

function sessionOf(values: Values): Settings['session'] {
  const fields = SETTING_NAMES.flatMap((name) => {
    const { field }: Declaration = DECLARATIONS[name];
    return field === undefined || values[name] === undefined ? [] : [[field, values[name]]];
  });
  return Object.fromEntries(fields) as Settings['session'];
}
