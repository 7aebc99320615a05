// Where the API is and who calls it: the emulator on this machine, this machine itself, or what the settings say.
import { realpathSync } from 'node:fs';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import type { ConnectResponse } from '../functions/contract.ts';
import { createApi, type Api } from './api/api.ts';
import type { Flags } from './flags.ts';
import type { Identity } from './identity/open.ts';
import type { SignInCallbacks } from './identity/sign-in-again.ts';
import type { Io } from './io.ts';
import { dispatcherFor } from './proxy/dispatcher.ts';
import { completeSettings, type CompleteSettings } from './settings/complete.ts';

export interface Backend extends AsyncDisposable {
  settings: CompleteSettings;
  api: Api;
  credentials: Identity;
  way: Way;
  /** Settles with the reason when the backend goes away for good (an emulator that ended). */
  lost: Promise<string>;
}

/** From here to a session's agent. */
export interface Way {
  /** The stage that takes it first, and what that says. */
  stage: string;
  words: string;
  /** Opens a stream, which ends where the answer of `:connect` says. */
  open(connection: ConnectResponse): Promise<Duplex>;
}

/** For verbs that do nothing before. */
export async function openBackend(flags: Flags, io: Io): Promise<Backend> {
  const settings = await completeSettings(flags, io);
  return await connectBackend(await inThisFolder(settings, io), io);
}

/** With `--local` the session of the folder is meant. */
async function inThisFolder(settings: CompleteSettings, { cwd }: Io): Promise<CompleteSettings> {
  if (!settings.local) return settings;
  const { atFolder } = await import('./local/place.ts');
  return atFolder(settings, realFolder(path.resolve(cwd, settings.contentDir ?? '.')));
}

/** Links resolved, as far as it is there. */
function realFolder(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    return folder;
  }
}

/**
 * Signs in too: what is wrong with that is known before anything is begun.
 * @param callbacks where a sign-in that has ended is told; on a terminal it is waited for, elsewhere it is an error
 */
export async function connectBackend(
  settings: CompleteSettings,
  io: Io,
  callbacks: SignInCallbacks = linesTo(io),
): Promise<Backend> {
  if (settings.local) {
    const { localBackend } = await import('./local/backend.ts');
    return await localBackend(settings, io);
  }
  const told = io.isTerminal ? callbacks : undefined;
  if (settings.emulator) return await emulatedBackend(settings, io, told);
  const { openIdentity } = await import('./identity/open.ts');
  const { apiUrl } = settings;
  const options = { apiUrl, callbacks: told, dispatcher: dispatcherFor(io.env) };
  const credentials = await openIdentity(settings, options, io);
  await credentials.idToken();
  return {
    settings,
    credentials,
    api: apiAt(apiUrl, credentials, settings, io),
    way: wayThroughIap(settings.iapUrl, credentials, io),
    lost: new Promise(() => undefined),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

async function emulatedBackend(
  settings: CompleteSettings,
  io: Io,
  callbacks: SignInCallbacks | undefined,
): Promise<Backend> {
  const { attachEmulator } = await import('./emulator.ts');
  const { openEmulatedIdentity } = await import('./identity/emulated.ts');
  const emulator = await attachEmulator(settings, io);
  try {
    const { urls } = emulator.ready;
    const options = { apiUrl: urls.api, callbacks };
    const credentials = await openEmulatedIdentity(settings, emulator.ready, options, io);
    await credentials.idToken();
    return {
      settings,
      credentials,
      api: apiAt(urls.api, credentials, settings, io),
      way: wayThroughIap(urls.iap, credentials, io),
      lost: emulator.lost,
      [Symbol.asyncDispose]: () => emulator.detach(),
    };
  } catch (error) {
    await emulator.detach();
    throw error;
  }
}

function wayThroughIap(url: string, credentials: Identity, { env }: Io): Way {
  return {
    stage: 'Tunnel',
    words: 'a way to the instance, through Google’s IAP',
    open: async ({ tunnel: target }) => {
      const { openTunnelAs } = await import('./identity/tunnel.ts');
      return await openTunnelAs(credentials, { url, target, env });
    },
  };
}

function apiAt(url: string, credentials: Identity, settings: CompleteSettings, io: Io): Api {
  return createApi({
    url,
    idToken: () => credentials.idToken(),
    forget: (token) => {
      credentials.forget(token);
    },
    signal: io.interrupt,
    dispatcher: dispatcherFor(io.env),
    place: {
      urlOrigin: settings.emulator ? 'the emulator' : settings.origins.apiUrl?.detail,
      project: settings.project,
      region: settings.zone?.replace(/-[a-z]$/, ''),
      signInCommand: credentials.command,
      now: io.now,
    },
  });
}

/** For verbs that show no stages. */
function linesTo(io: Io): SignInCallbacks {
  return {
    onNeeded: (command, reason) => {
      io.stderr.write(
        `${reason}\nSign in again, in another terminal, with:\n  ${command}\nWaiting; Ctrl-C gives up.\n`,
      );
    },
    onBack: () => {
      io.stderr.write('Signed in again.\n');
    },
  };
}
