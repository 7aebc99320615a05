// Whose name the client acts in: a credential file that was asked for, else gcloud's account, else application default
// credentials; with the emulator, its user or another one. backend.ts asks for it.
import { access } from 'node:fs/promises';
import path from 'node:path';
import type { Dispatcher } from 'undici';
import { ClientError } from '../errors.ts';
import type { Io } from '../io.ts';
import type { Origin, Settings } from '../settings/settings.ts';
import { openCredentialFile } from './credential-file.ts';
import { APPLICATION_LOGIN, LOGIN, type SignIn } from './credentials.ts';
import { signInOfGcloud } from './gcloud.ts';
import { isGcloudThere } from './gcloud-program.ts';
import { waitForSignIn, type PatientCredentials, type SignInCallbacks } from './sign-in-again.ts';
import { cacheTokens } from './token-cache.ts';

export interface Identity extends PatientCredentials {
  /** What is run when the sign-in has ended. */
  readonly command: string;
}

export type IdentitySettings = Pick<
  Settings,
  'account' | 'credentials' | 'gcloudDir' | 'origins' | 'emulator'
>;

export interface IdentityOptions {
  /** The audience of a service account's ID tokens. */
  apiUrl: string;
  /** Where a sign-in that has ended is told, and then waited for; undefined: it is an error. */
  callbacks?: SignInCallbacks | undefined;
  dispatcher?: Dispatcher | undefined;
}

/** Calls nobody yet. @throws ClientError when nobody is signed in, or the file is no use */
export async function openIdentity(
  settings: IdentitySettings,
  options: IdentityOptions,
  io: Io,
): Promise<Identity> {
  return identityOf(await choose(settings, options, io), options, io);
}

export function identityOf(signIn: SignIn, { callbacks }: IdentityOptions, io: Io): Identity {
  const { command, files } = signIn;
  const tokens = cacheTokens(signIn, io.elapsed);
  return { command, ...waitForSignIn(tokens, { files, interrupt: io.interrupt, callbacks }) };
}

async function choose(
  settings: IdentitySettings,
  { apiUrl, dispatcher }: IdentityOptions,
  io: Io,
): Promise<SignIn> {
  const { account, gcloudDir, origins } = settings;
  const defaultFile = path.join(gcloudDir, 'application_default_credentials.json');
  const line = { now: io.now, signal: io.interrupt, dispatcher };
  const file = fileAskedFor(settings);
  if (file !== undefined) {
    const whence = origins.credentials?.detail ?? 'GOOGLE_APPLICATION_CREDENTIALS';
    const command =
      file === defaultFile
        ? APPLICATION_LOGIN
        : `${APPLICATION_LOGIN} && cp '${defaultFile}' '${file}'`;
    return await openCredentialFile({ file, whence, command, apiUrl, line });
  }
  if (account !== undefined && isGcloudThere(io.env)) {
    return signInOfGcloud({ account, apiUrl, gcloudDir, env: io.env, interrupt: io.interrupt });
  }
  if (account !== undefined && isAskedFor(origins.account))
    throw withoutGcloud(account, origins.account);
  if (!(await isThere(defaultFile))) throw nobody(account);
  const whence = 'application default credentials';
  return await openCredentialFile({
    file: defaultFile,
    whence,
    command: APPLICATION_LOGIN,
    apiUrl,
    line,
  });
}

/** `--account` on the command line is nearer than a file that the environment names. */
export function fileAskedFor({
  account,
  credentials,
  origins,
}: IdentitySettings): string | undefined {
  const isAccountTyped = account !== undefined && origins.account?.kind === 'flag';
  if (credentials === undefined || !isAccountTyped) return credentials;
  if (origins.credentials?.kind !== 'flag') return undefined;
  throw new ClientError('--account and --credentials both say who you are: give one of them.');
}

/** By a person, not by gcloud's own configuration. */
function isAskedFor(origin: Origin | undefined): boolean {
  return origin !== undefined && ['flag', 'environment', 'file'].includes(origin.kind);
}

function withoutGcloud(account: string, origin: Origin | undefined): ClientError {
  return new ClientError(
    `${origin?.detail ?? 'The account'} ${account} needs gcloud, which is not on PATH: install the Google Cloud CLI, ` +
      'or give a credential file with --credentials.',
  );
}

function nobody(account: string | undefined): ClientError {
  const why =
    account === undefined
      ? 'gcloud has no active account, and there are no application default credentials.'
      : `gcloud, which knows ${account}, is not on PATH, and there are no application default credentials.`;
  return new ClientError(
    `You are not signed in to Google: ${why} Sign in with: ${LOGIN}, or with: ${APPLICATION_LOGIN}`,
  );
}

async function isThere(file: string): Promise<boolean> {
  return await access(file).then(
    () => true,
    () => false,
  );
}
