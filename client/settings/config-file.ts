// The client's configuration file, ~/.config/datalab/config.json: a JSON object whose keys are the names of settings.
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ClientError, messageOf } from '../errors.ts';
import { SETTING_NAMES, type SettingName } from '../flags.ts';
import type { Io } from '../io.ts';
import { didYouMean } from './nearest.ts';

export type ConfigValues = Partial<Record<SettingName, unknown>>;

/** `DATALAB_CONFIG` names another one. */
export function configFilePath({ env, cwd }: Pick<Io, 'env' | 'cwd'>, home: string): string {
  if (env['DATALAB_CONFIG']) return path.resolve(cwd, env['DATALAB_CONFIG']);
  // A relative one is invalid: https://specifications.freedesktop.org/basedir-spec/latest/
  const given = env['XDG_CONFIG_HOME'] ?? '';
  const folder = path.isAbsolute(given) ? given : path.join(home, '.config');
  return path.join(folder, 'datalab', 'config.json');
}

/**
 * Nothing when the file is not there, unless it `mustExist`.
 * @throws ClientError that names the file, and the line or the key at fault
 */
export function readConfigFile(file: string, mustExist: boolean): ConfigValues {
  const text = readText(file, mustExist);
  if (text === undefined) return {};
  const content = parsed(text, file);
  if (typeof content !== 'object' || content === null || Array.isArray(content))
    throw new ClientError(`${file} must be a JSON object, such as {"project": "my-project"}.`);
  for (const key of Object.keys(content)) {
    if (isSetting(key)) continue;
    const meant = didYouMean(key, SETTING_NAMES) || ` It knows ${SETTING_NAMES.join(', ')}.`;
    throw new ClientError(`${file}: ${JSON.stringify(key)} is no setting.${meant}`);
  }
  return content;
}

/** Merges into what the file has by now, so that it is whole at every moment: the old one or the new one. */
export function writeConfigFile(file: string, values: ConfigValues): void {
  const merged = { ...readConfigFile(file, false), ...values };
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  const target = linkedFile(file);
  const draft = `${target}.${process.pid}.draft`;
  try {
    const descriptor = openSync(draft, 'w', 0o600);
    try {
      // Unlike writeSync, it ends with all of it written or with an error.
      writeFileSync(descriptor, `${JSON.stringify(merged, null, 2)}\n`);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(draft, target);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

/** A link stays one: people keep such files elsewhere. */
function linkedFile(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file;
  }
}

function readText(file: string, mustExist: boolean): string | undefined {
  try {
    // Some editors begin a file with a byte order mark.
    return readFileSync(file, 'utf8').replace(/^\uFEFF/, '');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' && !mustExist) return undefined;
    if (code === 'ENOENT')
      throw new ClientError(`DATALAB_CONFIG names ${file}, which is not there.`);
    if (code === 'EISDIR') throw new ClientError(`${file} is a folder; it must be a JSON file.`);
    throw new ClientError(`The configuration file cannot be read: ${messageOf(error)}.`);
  }
}

function parsed(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const message = messageOf(error);
    const [, line, column] = /\(line (\d+) column (\d+)\)/.exec(message) ?? [];
    const place = line === undefined || column === undefined ? '' : `:${line}:${column}`;
    const why = message.replace(/ in JSON at position.*$| is not valid JSON$/s, '');
    throw new ClientError(
      `${file}${place} is not JSON: ${why.replaceAll(/\s+/g, ' ')}. Mend it, or delete it.`,
    );
  }
}

function isSetting(key: string): key is SettingName {
  return (SETTING_NAMES as readonly string[]).includes(key);
}
