// What has to be there before anything starts: on a terminal what is missing is asked for, elsewhere an error says what
// to set. That project and zone exist, lookup.ts checks.
import type { Readable } from 'node:stream';
import { ask } from '../ask.ts';
import { messageOf } from '../errors.ts';
import type { Flags } from '../flags.ts';
import type { Io } from '../io.ts';
import { askPlace, type LookUpZones } from './ask-place.ts';
import { writeConfigFile } from './config-file.ts';
import { zonesOf } from './lookup.ts';
import { missingPlace } from './missing.ts';
import { readSettings, type Settings } from './settings.ts';
import { dispatcherFor } from '../proxy/dispatcher.ts';
import { openSources, type Answers } from './sources.ts';

/** With which everything is there that a call to the backend needs. */
export interface CompleteSettings extends Settings {
  apiUrl: string;
}

/**
 * The settings of a verb that calls the backend; with `--emulator` or `--local` nothing is missing.
 * @throws ClientError that says what to set; Interrupted at Ctrl-C
 */
export async function completeSettings(flags: Flags, io: Io): Promise<CompleteSettings> {
  const settings = readSettings(flags, io);
  if (settings.emulator || settings.local) return { ...settings, apiUrl: '' };
  if (isComplete(settings)) return settings;
  const { configPath, home } = openSources(flags, io);
  const file = shortPath(configPath, home);
  const mayAsk = flags.json === undefined && flags.quiet === undefined;
  if (!io.stdin || !mayAsk || settings.project?.includes(':')) throw missingPlace(settings, file);
  const answers = await askPlace(settings, lookUpOf(settings, io), io.stdin, io);
  const complete = readSettings(flags, io, answers);
  if (!isComplete(complete)) throw missingPlace(complete, file);
  await keep(answers, configPath, file, io.stdin, io);
  return complete;
}

function isComplete(settings: Settings): settings is CompleteSettings {
  return settings.apiUrl !== undefined;
}

/** Who is not signed in is asked without choices; what then calls the backend says so. */
function lookUpOf(settings: Settings, io: Io): LookUpZones {
  return async (project) => {
    try {
      const { openIdentity } = await import('../identity/open.ts');
      const dispatcher = dispatcherFor(io.env);
      // The audience is of no account: only Compute Engine is asked.
      const identity = await openIdentity(settings, { apiUrl: '', dispatcher }, io);
      return await zonesOf(settings, project, await identity.accessToken(), io);
    } catch {
      io.interrupt.throwIfAborted();
      return undefined;
    }
  };
}

/** What cannot be kept is no reason to stop: it has been said for this time. */
async function keep(
  answers: Answers,
  configPath: string,
  file: string,
  input: Readable,
  io: Io,
): Promise<void> {
  const answer = (await ask(`Keep this in ${file}? [Y/n] `, input, io)).trim();
  if (!/^(y(es)?)?$/i.test(answer)) return;
  try {
    writeConfigFile(configPath, answers);
  } catch (error) {
    io.stderr.write(`It could not be kept: ${messageOf(error)}\n`);
  }
}

function shortPath(file: string, home: string): string {
  return file.startsWith(`${home}/`) ? `~${file.slice(home.length)}` : file;
}
