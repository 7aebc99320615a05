// Where the API is and who calls it: the emulator on this machine, or what the settings say.
import { createApi, type Api } from './api.ts';
import { loadCredentials, type Credentials } from './credentials.ts';
import { ClientError } from './errors.ts';
import type { Io } from './io.ts';
import { readSettings, type Settings } from './settings.ts';

export interface Backend extends AsyncDisposable {
  settings: Settings;
  api: Api;
  credentials: Credentials;
  iapUrl: string;
  /** Settles with the reason when the backend goes away for good (an emulator that ended). */
  lost: Promise<string>;
}

export async function openBackend(
  flags: { emulator?: true },
  io: Io,
  settings = readSettings(io),
): Promise<Backend> {
  if (flags.emulator) return await emulatedBackend(settings, io);
  if (settings.apiUrl === undefined) {
    throw new ClientError(
      'No backend is set: set DATALAB_API_URL to the URL of your team’s API, ' +
        'or try everything on this machine with --emulator.',
    );
  }
  const credentials = await loadCredentials(settings.credentialsFile);
  return {
    settings,
    credentials,
    api: apiAt(settings.apiUrl, credentials, io),
    iapUrl: settings.iapUrl,
    lost: new Promise(() => undefined),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

async function emulatedBackend(settings: Settings, io: Io): Promise<Backend> {
  const { attachEmulator } = await import('./emulator.ts');
  const emulator = await attachEmulator(settings.stateDir, io);
  try {
    const credentials = await loadCredentials(emulator.ready.credentials);
    return {
      settings,
      credentials,
      api: apiAt(emulator.ready.urls.api, credentials, io),
      iapUrl: emulator.ready.urls.iap,
      lost: emulator.lost,
      [Symbol.asyncDispose]: () => emulator.detach(),
    };
  } catch (error) {
    await emulator.detach();
    throw error;
  }
}

function apiAt(url: string, credentials: Credentials, io: Io): Api {
  return createApi({ url, idToken: () => credentials.idToken(), signal: io.interrupt });
}
