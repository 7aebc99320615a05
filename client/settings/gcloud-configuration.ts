// gcloud's active configuration, read from its files without running gcloud, which takes half a second. Rules and names
// are those of googlecloudsdk/core/configurations in the Cloud SDK.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { ClientError, messageOf } from '../errors.ts';
import type { Io } from '../io.ts';
import { parseProperties } from './ini.ts';

export type GcloudProperty =
  'core/project' | 'core/account' | 'compute/zone' | 'auth/credential_file_override';

export interface GcloudConfiguration {
  name: string;
  /** By `section/key`. */
  properties: ReadonlyMap<string, string>;
}

/** `NONE` is the name of no configuration. */
const NAME = /^(NONE|[a-z][-a-z0-9]*)$/;
const PREFIX = 'config_';

export function gcloudFolder(env: Io['env'], home: string): string {
  if (env['CLOUDSDK_CONFIG']) return env['CLOUDSDK_CONFIG'];
  if (process.platform !== 'win32') return path.join(home, '.config', 'gcloud');
  return path.join(env['APPDATA'] ?? path.join(home, 'AppData', 'Roaming'), 'gcloud');
}

/** gcloud's own variable for a property, which counts before its files. */
export function variableOf(property: GcloudProperty): string {
  return `CLOUDSDK_${property.replace('/', '_').toUpperCase()}`;
}

/**
 * A configuration that was never made is empty if it is the default one.
 * @throws ClientError when one is named that does not exist, or it cannot be read
 */
export function readActiveConfiguration(folder: string, env: Io['env']): GcloudConfiguration {
  const named = env['CLOUDSDK_ACTIVE_CONFIG_NAME'];
  const name = named || nameInFile(folder) || 'default';
  if (!NAME.test(name)) throw noSuch(name, named, folder);
  if (name === 'NONE') return { name, properties: new Map() };
  const found = readConfiguration(folder, name);
  if (found) return found;
  if (name === 'default' && !named) return { name, properties: new Map() };
  throw noSuch(name, named, folder);
}

/** All that can be read, for choices. */
export function listConfigurations(folder: string): GcloudConfiguration[] {
  return namesIn(folder).flatMap((name) => {
    try {
      return readConfiguration(folder, name) ?? [];
    } catch {
      return [];
    }
  });
}

function readConfiguration(folder: string, name: string): GcloudConfiguration | undefined {
  const file = path.join(folder, 'configurations', PREFIX + name);
  const text = readText(file);
  return text === undefined ? undefined : { name, properties: parseProperties(text, file) };
}

function namesIn(folder: string): string[] {
  try {
    const files = readdirSync(path.join(folder, 'configurations')).sort();
    const names = files.filter((file) => file.startsWith(PREFIX));
    return names.map((file) => file.slice(PREFIX.length)).filter((name) => NAME.test(name));
  } catch {
    return [];
  }
}

/** gcloud takes a name that it could not have written for none. */
function nameInFile(folder: string): string | undefined {
  const name = readText(path.join(folder, 'active_config'))?.trim() ?? '';
  return NAME.test(name) ? name : undefined;
}

/** Undefined: it is not there. */
function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new ClientError(
      `gcloud’s configuration cannot be read: ${messageOf(error)}. ` +
        'Check who may read it, or name another folder in CLOUDSDK_CONFIG.',
    );
  }
}

function noSuch(name: string, named: string | undefined, folder: string): ClientError {
  const where = named ? 'CLOUDSDK_ACTIVE_CONFIG_NAME' : path.join(folder, 'active_config');
  return new ClientError(
    `gcloud has no configuration ${name}, which ${where} names. ` +
      'See which there are with: gcloud config configurations list',
  );
}
