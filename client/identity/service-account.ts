// A service account's key: it signs an assertion (RFC 7523), and gets an access token, or an ID token for one audience.
// Our own, since Google's library for Node.js takes no token_uri from the file. For credential-file.ts.
import { createPrivateKey, sign, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { ClientError } from '../errors.ts';
import type { TokenKind, Tokens } from './credentials.ts';
import { ask, formOf, lifetimeOf, tokenAnswer, TokenRefusal, type Line } from './token-endpoint.ts';
import { GOOGLE_TOKEN_URI } from './user-file.ts';

export const serviceAccount = z.object({
  type: z.literal('service_account'),
  client_email: z.string(),
  private_key: z.string(),
  private_key_id: z.string().optional(),
  token_uri: z.url().default(GOOGLE_TOKEN_URI),
});
type ServiceAccount = z.infer<typeof serviceAccount>;

export const CLOUD_PLATFORM = 'https://www.googleapis.com/auth/cloud-platform';
const GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const LIFETIME_SECONDS = 3600;
/** Google takes no assertion from a clock that is further off. */
const SKEW_MILLISECONDS = 300_000;

/** @throws TokenRefusal */
export async function fetchOfServiceAccount(
  account: ServiceAccount,
  kind: TokenKind,
  audience: string,
  line: Line,
): Promise<Tokens> {
  const key = keyOf(account);
  const exchange = (now: number) => {
    const claim = kind === 'id' ? { target_audience: audience } : { scope: CLOUD_PLATFORM };
    const assertion = signAssertion(account, key, claim, now);
    const form = formOf({ grant_type: GRANT, assertion });
    return ask({ url: account.token_uri, ...form }, tokenAnswer, line);
  };
  const answer = await exchange(line.now()).catch((error: unknown) => {
    const time = timeOfRefusal(error, line);
    // This machine's clock is wrong: Google has just said what time it is.
    if (time !== undefined) return exchange(time);
    throw error;
  });
  const { access_token: access, id_token: id, expires_in: seconds = 0 } = answer;
  return {
    ...(access === undefined ? {} : { access: { value: access, lifetimeSeconds: seconds } }),
    ...(id === undefined ? {} : { id: { value: id, lifetimeSeconds: lifetimeOf(id) } }),
  };
}

function keyOf({ private_key, client_email }: ServiceAccount): KeyObject {
  try {
    return createPrivateKey(private_key);
  } catch {
    throw new ClientError(
      `The key of ${client_email} cannot be read: private_key is not PEM. Make a new key for it.`,
    );
  }
}

function signAssertion(
  { client_email, private_key_id, token_uri }: ServiceAccount,
  key: KeyObject,
  claim: Record<string, string>,
  now: number,
): string {
  const iat = Math.floor(now / 1000);
  const header = { alg: 'RS256', typ: 'JWT', ...(private_key_id && { kid: private_key_id }) };
  const claims = { iss: client_email, aud: token_uri, iat, exp: iat + LIFETIME_SECONDS, ...claim };
  const signed = `${encode(header)}.${encode(claims)}`;
  return `${signed}.${sign('RSA-SHA256', Buffer.from(signed), key).toString('base64url')}`;
}

function timeOfRefusal(error: unknown, line: Line): number | undefined {
  if (!(error instanceof TokenRefusal) || error.answeredAt === undefined) return undefined;
  const isFar = Math.abs(error.answeredAt - line.now()) > SKEW_MILLISECONDS;
  return isFar ? error.answeredAt : undefined;
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
