// What has to be there before anything starts: on a terminal what is missing is asked for, elsewhere an error says what
// to set; then project and zone are looked up.
import { ClientError } from '../errors.ts';
import type { Flags } from '../flags.ts';
import type { Io } from '../io.ts';
import { readSettings, type Settings } from './settings.ts';

/** With which everything is there that a call to the backend needs. */
export interface CompleteSettings extends Settings {
  apiUrl: string;
}

/**
 * The settings of a verb that calls the backend; with `--emulator` nothing is missing.
 * @throws ClientError that says what to set
 */
// eslint-disable-next-line @typescript-eslint/require-await -- asks and looks up, later
export async function completeSettings(flags: Flags, io: Io): Promise<CompleteSettings> {
  const settings = readSettings(flags, io);
  const apiUrl = settings.emulator ? '' : settings.apiUrl;
  if (apiUrl !== undefined) return { ...settings, apiUrl };
  throw new ClientError(
    'No backend is set: set DATALAB_API_URL to the URL of your team’s API, ' +
      'or try everything on this machine with --emulator.',
  );
}
