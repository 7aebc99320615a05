// Where the API is and who calls it: the emulator on this machine, or what the settings say.
import path from 'node:path';
import { createApi, type Api } from './api.ts';
import type { Flags } from './flags.ts';
import { loadCredentials, type Credentials } from './identity/credentials.ts';
import type { Io } from './io.ts';
import { completeSettings, type CompleteSettings } from './settings/complete.ts';

export interface Backend extends AsyncDisposable {
  settings: CompleteSettings;
  api: Api;
  credentials: Credentials;
  iapUrl: string;
  /** Settles with the reason when the backend goes away for good (an emulator that ended). */
  lost: Promise<string>;
}

/** For verbs that do nothing before. */
export async function openBackend(flags: Flags, io: Io): Promise<Backend> {
  return await connectBackend(await completeSettings(flags, io), io);
}

/** @param check what has to be true of the project before anything is made there; the emulator's is */
export async function connectBackend(
  settings: CompleteSettings,
  io: Io,
  check?: (
    settings: CompleteSettings,
    credentials: Credentials,
    signal: AbortSignal,
  ) => Promise<void>,
): Promise<Backend> {
  if (settings.emulator) return await emulatedBackend(settings, io);
  const defaultFile = path.join(settings.gcloudDir, 'application_default_credentials.json');
  const credentials = await loadCredentials(settings.credentials ?? defaultFile);
  await check?.(settings, credentials, io.interrupt);
  return {
    settings,
    credentials,
    api: apiAt(settings.apiUrl, credentials, io),
    iapUrl: settings.iapUrl,
    lost: new Promise(() => undefined),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

async function emulatedBackend(settings: CompleteSettings, io: Io): Promise<Backend> {
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
