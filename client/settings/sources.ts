// Where a setting's value may come from, in the order in which they count: flag, environment, an answer, configuration
// file, gcloud, default. Files are read when a setting gets as far as them.
import { homedir } from 'node:os';
import path from 'node:path';
import { ClientError } from '../errors.ts';
import type { Flags, SettingName } from '../flags.ts';
import type { Io } from '../io.ts';
import { configFilePath, readConfigFile, type ConfigValues } from './config-file.ts';
import type { Counts, Declaration } from './declaration.ts';
import { DECLARATIONS } from './declarations.ts';
import {
  gcloudFolder,
  readActiveConfiguration,
  variableOf,
  type GcloudConfiguration,
} from './gcloud-configuration.ts';
import type { Origin } from './settings.ts';

/** What a person has answered; it counts as the configuration file would, before it. */
export type Answers = Partial<Record<'project' | 'zone', string>>;

/** What a call means: the team's backend, the emulated cloud, or kernels on this machine. */
export type Mode = 'backend' | 'emulator' | 'local';

export interface Sources {
  mode: Mode;
  flags: Flags;
  env: Io['env'];
  answers: Answers;
  home: string;
  cwd: string;
  configPath: string;
  gcloudDir: string;
  config: () => ConfigValues;
  gcloud: () => GcloudConfiguration;
}

/** A value as it was given. */
export interface Given {
  value: unknown;
  origin: Origin;
  /** What a message begins with: `--zone moon`. */
  said: string;
  /** What a relative path is relative to. */
  folder: string;
}

export function openSources(
  flags: Flags,
  { env, cwd }: Pick<Io, 'env' | 'cwd'>,
  answers: Answers = {},
): Sources {
  const home = env['HOME'] || homedir();
  const configPath = configFilePath({ env, cwd }, home);
  const gcloudDir = path.resolve(cwd, gcloudFolder(env, home));
  return {
    mode: modeOf(flags),
    flags,
    env,
    answers,
    home,
    cwd,
    configPath,
    gcloudDir,
    config: once(() => readConfigFile(configPath, Boolean(env['DATALAB_CONFIG']))),
    gcloud: once(() => readActiveConfiguration(gcloudDir, env)),
  };
}

/** @throws ClientError when `--emulator` and `--local` exclude each other */
function modeOf({ emulator, local }: Flags): Mode {
  if (emulator && local) {
    throw new ClientError(
      '--emulator and --local exclude each other: one runs an emulated cloud, the other none. Leave one out.',
    );
  }
  return emulator ? 'emulator' : local ? 'local' : 'backend';
}

/** Of a setting in such a call. */
export function countsIn(mode: Mode, { withEmulator, withLocal }: Declaration): Counts {
  if (mode === 'backend') return 'everything';
  return mode === 'emulator' ? withEmulator : withLocal;
}

function contradiction({ origin }: Given, mode: Mode): string {
  const why =
    mode === 'emulator' ? 'the emulator has its own' : 'there is no VM and no backend then';
  return `${origin.detail} and --${mode} exclude each other: ${why}. Leave one out.`;
}

/** @throws ClientError when the mode and the flag exclude each other, or a file cannot be read */
export function findGiven(name: SettingName, sources: Sources): Given | undefined {
  const counts = countsIn(sources.mode, DECLARATIONS[name]);
  const flag = fromFlag(name, sources);
  if (flag && counts === 'nothing') throw new ClientError(contradiction(flag, sources.mode));
  if (flag || counts === 'nothing' || counts === 'flag') return flag;
  const variable = fromEnvironment(name, sources);
  if (variable || counts === 'said') return variable;
  return fromAnswer(name, sources) ?? fromFile(name, sources) ?? fromGcloud(name, sources);
}

function fromFlag(name: SettingName, { flags, cwd }: Sources): Given | undefined {
  const value = flags[name];
  const { flag }: Declaration = DECLARATIONS[name];
  // Without `--no-browser` the command line's parser says `browser: true`: nobody gave that.
  if (value === undefined || flag === undefined || (name === 'browser' && value === true))
    return undefined;
  const said = typeof value === 'string' ? `${flag} ${shortened(value)}` : flag;
  return { value, origin: { kind: 'flag', detail: flag }, said, folder: cwd };
}

function fromEnvironment(name: SettingName, { env, cwd }: Sources): Given | undefined {
  const { variables }: Declaration = DECLARATIONS[name];
  for (const variable of variables) {
    const value = env[variable];
    if (!value) continue;
    const origin: Origin = { kind: 'environment', detail: variable };
    return { value, origin, said: `${variable}=${shortened(value)}`, folder: cwd };
  }
  return undefined;
}

function fromAnswer(name: SettingName, { answers, cwd }: Sources): Given | undefined {
  const value = name === 'project' || name === 'zone' ? answers[name] : undefined;
  if (value === undefined) return undefined;
  return { value, origin: { kind: 'answer', detail: 'your answer' }, said: value, folder: cwd };
}

function fromFile(name: SettingName, { config, configPath }: Sources): Given | undefined {
  const value = config()[name];
  if (value === undefined) return undefined;
  return {
    value,
    origin: { kind: 'file', detail: configPath },
    said: `${configPath}: "${name}": ${shortened(JSON.stringify(value))}`,
    folder: path.dirname(configPath),
  };
}

function fromGcloud(name: SettingName, { env, gcloud, cwd }: Sources): Given | undefined {
  const { gcloud: property }: Declaration = DECLARATIONS[name];
  if (property === undefined) return undefined;
  const variable = variableOf(property);
  const said = env[variable];
  if (said) {
    const origin: Origin = { kind: 'gcloud', detail: variable };
    return { value: said, origin, said: `${variable}=${shortened(said)}`, folder: cwd };
  }
  const configuration = gcloud();
  const value = configuration.properties.get(property);
  if (!value) return undefined;
  const detail = `gcloud configuration ${configuration.name}`;
  return {
    value,
    origin: { kind: 'gcloud', detail },
    said: `${detail}: ${property} ${shortened(value)}`,
    folder: cwd,
  };
}

function shortened(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 77)}…`;
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
