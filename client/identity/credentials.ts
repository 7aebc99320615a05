// The user's Google identity: tokens from application default credentials, kept in memory only.
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { ClientError, messageOf } from '../errors.ts';

const SIGN_IN = 'run: gcloud auth application-default login';

/** The file that `gcloud auth application-default login` writes, or the emulator's. */
const authorizedUser = z.object({
  type: z.literal('authorized_user'),
  client_id: z.string(),
  client_secret: z.string(),
  refresh_token: z.string(),
  token_uri: z.url().optional(),
});
type AuthorizedUser = z.infer<typeof authorizedUser>;

export interface Credentials {
  /** For Google's own APIs (IAP). @throws ClientError; SignInError when signing in again is what helps */
  accessToken(): Promise<string>;
  /** For our API: who the caller is. @throws as accessToken */
  idToken(): Promise<string>;
  /** The tokens at hand were refused: the next ones are fetched. */
  forget(): void;
}

/**
 * Reads the credential file; tokens are fetched when first asked for and again shortly before they expire.
 * @throws ClientError when there is no such file or it is of another kind
 */
export async function loadCredentials(file: string): Promise<Credentials> {
  const user = await readFileOfUser(file);
  const { UserRefreshClient } = await import('google-auth-library');
  const client = new UserRefreshClient({
    clientId: user.client_id,
    clientSecret: user.client_secret,
    refreshToken: user.refresh_token,
    ...(user.token_uri === undefined ? {} : { endpoints: { oauth2TokenUrl: user.token_uri } }),
  });
  const refreshed = async () => {
    try {
      await client.getAccessToken();
      return client.credentials;
    } catch (error) {
      throw new ClientError(`Signing in to Google failed (${messageOf(error)}); ${SIGN_IN}`);
    }
  };
  return {
    accessToken: async () => present((await refreshed()).access_token, file),
    idToken: async () => present((await refreshed()).id_token, file),
    forget: () => {
      client.credentials.expiry_date = 1;
    },
  };
}

async function readFileOfUser(file: string): Promise<AuthorizedUser> {
  let content: unknown;
  try {
    content = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw new ClientError(`No Google credentials in ${file} (${messageOf(error)}); ${SIGN_IN}`);
  }
  const user = authorizedUser.safeParse(content);
  if (user.success) return user.data;
  throw new ClientError(`The credentials in ${file} are not those of a user; ${SIGN_IN}`);
}

function present(token: string | null | undefined, file: string): string {
  if (token) return token;
  throw new ClientError(`Google answered without the token that is needed (${file}); ${SIGN_IN}`);
}
