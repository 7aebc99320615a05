// Credential files, of the kinds that gcloud and Google's console write. Read anew for every token: signing in again
// writes the same file. user-file.ts, service-account.ts and impersonated.ts do the asking.
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { assertNever, ClientError, messageOf } from '../errors.ts';
import { SignInError, type SignIn, type TokenKind, type Tokens } from './credentials.ts';
import { fetchImpersonated, impersonated } from './impersonated.ts';
import { fetchOfServiceAccount, serviceAccount } from './service-account.ts';
import { TokenRefusal, type Line } from './token-endpoint.ts';
import { authorizedUser, fetchOfUser } from './user-file.ts';

export interface CredentialFileOptions {
  file: string;
  /** In words, such as `GOOGLE_APPLICATION_CREDENTIALS`. */
  whence: string;
  /** What a person runs to get a new one, where it is a person's. */
  command: string;
  /** The audience of a service account's ID tokens. */
  apiUrl: string;
  line: Line;
}

const credential = z.discriminatedUnion('type', [authorizedUser, serviceAccount, impersonated]);
type Credential = z.infer<typeof credential>;

/** @throws ClientError at once when it is not there or of a kind that is no use */
export async function openCredentialFile(options: CredentialFileOptions): Promise<SignIn> {
  const command = commandOf(await read(options), options);
  return {
    command,
    files: [options.file],
    fetch: async (kind) => {
      try {
        const tokens = await fetchWith(await read(options), kind, options);
        if (kind === 'id' && !tokens.id) throw withoutIdToken(command, options);
        return tokens;
      } catch (error) {
        throw explain(error, command, options);
      }
    },
  };
}

function fetchWith(
  found: Credential,
  kind: TokenKind,
  { apiUrl, line }: CredentialFileOptions,
): Promise<Tokens> {
  switch (found.type) {
    case 'authorized_user':
      return fetchOfUser(found, line);
    case 'service_account':
      return fetchOfServiceAccount(found, kind, apiUrl, line);
    case 'impersonated_service_account':
      return fetchImpersonated(found, kind, apiUrl, line);
    default:
      return assertNever(found);
  }
}

/** A key is not renewed by signing in. */
function commandOf(found: Credential, { file, command }: CredentialFileOptions): string {
  if (found.type !== 'service_account') return command;
  return `gcloud iam service-accounts keys create '${file}' --iam-account=${found.client_email}`;
}

function explain(error: unknown, command: string, { file }: CredentialFileOptions): unknown {
  if (!(error instanceof TokenRefusal)) return error;
  const reason = `Google does not accept the sign-in in ${file} any more (${error.message}).`;
  if (error.code === 'invalid_grant') return new SignInError(reason, command);
  return new ClientError(
    `Google gives no token for ${file} (${error.message}). Get a new one with: ${command}`,
  );
}

function withoutIdToken(command: string, { file }: CredentialFileOptions): SignInError {
  return new SignInError(
    `Google gives no ID token for ${file}: it was made with --scopes, and openid is not among them.`,
    command,
  );
}

async function read(options: CredentialFileOptions): Promise<Credential> {
  const { file, whence, command } = options;
  const named = `The credential file ${file} (${whence})`;
  const content = await parse(file, named, command);
  const parsed = credential.safeParse(content);
  if (parsed.success) return parsed.data;
  const type =
    z.object({ type: z.string() }).safeParse(content).data?.type ?? 'nothing that Google writes';
  if (USABLE.includes(type)) {
    const field = parsed.error.issues[0]?.path.join('.') ?? '';
    throw new ClientError(
      `${named} is not complete: ${field} is wrong or missing. Get a new one with: ${command}`,
    );
  }
  throw new ClientError(
    `${named} is of a kind that gives no ID tokens: ${type.slice(0, 60)}. It must be ${USABLE.join(', ')}; ` +
      `leave it out to be whom gcloud knows (gcloud auth login), or get one with: ${command}`,
  );
}

const USABLE: readonly string[] = credential.options.map((option) => option.shape.type.value);

async function parse(file: string, named: string, command: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new ClientError(`${named} cannot be read: ${messageOf(error)}. Get one with: ${command}`);
  }
  try {
    return JSON.parse(text);
  } catch {
    // Not with what the parser says: it quotes the file.
    throw new ClientError(`${named} is not JSON. Get a new one with: ${command}`);
  }
}
