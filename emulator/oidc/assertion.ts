// Checks what a service account signs to get a token (RFC 7523), as strictly as Google does.
// https://developers.google.com/identity/protocols/oauth2/service-account#jwt-auth
import { createPublicKey, verify } from 'node:crypto';
import { z } from 'zod';
import type { ServiceAccountKey } from './service-account-keys.ts';

export const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

const header = z.object({ alg: z.literal('RS256'), kid: z.string().optional() });
const claims = z.object({
  iss: z.string(),
  aud: z.string(),
  /** Seconds since the epoch. */
  iat: z.number(),
  exp: z.number(),
  sub: z.string().optional(),
  scope: z.string().optional(),
  target_audience: z.string().optional(),
});

export interface Assertion {
  account: ServiceAccountKey;
  scope: string | undefined;
  targetAudience: string | undefined;
}

/** In Google's words. */
export class AssertionError extends Error {
  override name = 'AssertionError';
}

export interface AssertionOptions {
  findAccount: (email: string) => ServiceAccountKey | undefined;
  tokenUri: string;
  /** Seconds since the epoch. */
  now: number;
}

const MOST_SECONDS = 3600;
/** How far the clocks may be apart. */
const SKEW_SECONDS = 300;
/** What google-auth-library for Node.js writes whatever the key file says; at Google it means the same. */
const GOOGLE_TOKEN_URI = 'https://oauth2.googleapis.com/token';

/** @throws AssertionError */
export function readAssertion(jwt: string, options: AssertionOptions): Assertion {
  const [head = '', body = '', signature = '', more] = jwt.split('.');
  const { kid } = parse(header, head);
  const given = parse(claims, body);
  if (signature === '' || more !== undefined) throw malformed();
  const account = options.findAccount(given.iss);
  if (!account) throw new AssertionError('Invalid grant: account not found');
  const key = createPublicKey(account.privateKey);
  const isSigned = verify(
    'RSA-SHA256',
    Buffer.from(`${head}.${body}`),
    key,
    Buffer.from(signature, 'base64url'),
  );
  if (!isSigned || (kid !== undefined && kid !== account.keyId)) {
    throw new AssertionError('Invalid JWT Signature.');
  }
  checkTimes(given, options.now);
  if (given.aud !== options.tokenUri && given.aud !== GOOGLE_TOKEN_URI) {
    throw new AssertionError(
      'Invalid JWT: Failed audience check. The right audience is the token_uri.',
    );
  }
  if (given.sub !== undefined && given.sub !== account.email) {
    throw new AssertionError(
      'Client is unauthorized to retrieve access tokens for another account.',
    );
  }
  return { account, scope: given.scope, targetAudience: given.target_audience };
}

function checkTimes({ iat, exp }: z.infer<typeof claims>, now: number): void {
  const isInTime = iat <= now + SKEW_SECONDS && exp > now && exp > iat;
  if (isInTime && exp - iat <= MOST_SECONDS) return;
  throw new AssertionError(
    'Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. ' +
      'Check your iat and exp values in the JWT claim.',
  );
}

function parse<T>(schema: z.ZodType<T>, part: string): T {
  try {
    return schema.parse(JSON.parse(Buffer.from(part, 'base64url').toString()));
  } catch {
    throw malformed();
  }
}

function malformed(): AssertionError {
  return new AssertionError('Bad Request');
}
