// Whose name the client acts in on the emulator: its first user, another one that is made when asked for, or a credential
// file. backend.ts asks for it.
import { readFile } from 'node:fs/promises';
import { request } from 'undici';
import { z } from 'zod';
import { ClientError } from '../errors.ts';
import type { Io } from '../io.ts';
import { openCredentialFile } from './credential-file.ts';
import type { SignIn } from './credentials.ts';
import {
  fileAskedFor,
  identityOf,
  type Identity,
  type IdentityOptions,
  type IdentitySettings,
} from './open.ts';

export interface EmulatorAddresses {
  credentials: string;
  urls: { control: string };
}

const made = z.object({ email: z.string(), credentials: z.string() });
const refused = z.object({ error: z.object({ message: z.string() }) });
/** The file that the emulator writes says whose it is. */
const owned = z.object({ account: z.string() });

/** @throws ClientError when the account or the file is no use */
export async function openEmulatedIdentity(
  settings: IdentitySettings,
  emulator: EmulatorAddresses,
  options: IdentityOptions,
  io: Io,
): Promise<Identity> {
  return identityOf(await choose(settings, emulator, options, io), options, io);
}

async function choose(
  settings: IdentitySettings,
  { credentials, urls }: EmulatorAddresses,
  { apiUrl }: IdentityOptions,
  io: Io,
): Promise<SignIn> {
  const { account, origins } = settings;
  const line = { now: io.now, signal: io.interrupt };
  const asked = fileAskedFor(settings);
  // What the environment or gcloud says is meant for Google.
  if (asked !== undefined && origins.credentials?.kind === 'flag') {
    const command = commandFor('YOU', urls.control);
    return await openCredentialFile({
      file: asked,
      whence: '--credentials',
      command,
      apiUrl,
      line,
    });
  }
  const isTyped = account !== undefined && origins.account?.kind === 'flag';
  const file = isTyped ? await makeAccount(account, urls.control, io) : credentials;
  const command = commandFor(await ownerOf(file), urls.control);
  return await openCredentialFile({ file, whence: 'the emulator', command, apiUrl, line });
}

function commandFor(email: string, control: string): string {
  return `curl ${control}/users -d '{"email":"${email}"}'`;
}

/** Its credential file. Whoever is asked for is signed in again. */
async function makeAccount(email: string, control: string, io: Io): Promise<string> {
  const kind = email.toLowerCase().endsWith('.gserviceaccount.com') ? 'service-accounts' : 'users';
  const reply = await request(`${control}/${kind}`, {
    method: 'POST',
    body: JSON.stringify({ email }),
    signal: io.interrupt,
  });
  const answer: unknown = await reply.body.json();
  const parsed = made.safeParse(answer);
  if (parsed.success) return parsed.data.credentials;
  const why = refused.safeParse(answer).data?.error.message ?? `HTTP ${reply.statusCode}`;
  throw new ClientError(
    `The emulator has no account ${email}: ${why}. Give an e-mail address with --account.`,
  );
}

async function ownerOf(file: string): Promise<string> {
  const content: unknown = JSON.parse(await readFile(file, 'utf8'));
  return owned.safeParse(content).data?.account ?? 'YOU';
}
