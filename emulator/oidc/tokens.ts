// Issues and checks tokens: ID tokens (RS256, as Google's) and access tokens (opaque to their bearers, which
// hold who it is, signed, so that nothing has to be stored and a restart forgets nobody).
import { createHmac, sign, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { GoogleError } from '../google-error.ts';
import { TOKEN_SECONDS, type OidcState } from './state.ts';

export const ISSUER = 'https://accounts.google.com';
export const CLOUD_PLATFORM = 'https://www.googleapis.com/auth/cloud-platform';

const accessGrant = z.object({
  email: z.string(),
  subject: z.string(),
  scope: z.string(),
  /** Seconds since the epoch. */
  expires: z.number(),
});
export type AccessGrant = z.infer<typeof accessGrant>;

export interface Identity {
  email: string;
  subject: string;
}

export interface Tokens {
  /** @param seconds its lifetime, where that is not Google's */
  issueAccessToken(identity: Identity, scope: string, seconds?: number): string;
  /** Undefined for what the emulator did not issue and for what has expired. */
  readAccessToken(token: string): AccessGrant | undefined;
  issueIdToken(claims: Readonly<Record<string, unknown>>, seconds?: number): string;
}

export function createTokens(state: OidcState, clock: Clock): Tokens {
  const now = () => Math.floor(clock.now() / 1000);
  const seal = (payload: string) =>
    createHmac('sha256', state.accessTokenKey).update(payload).digest('base64url');
  return {
    issueAccessToken(identity, scope, seconds = TOKEN_SECONDS) {
      const grant: AccessGrant = { ...identity, scope, expires: now() + seconds };
      const payload = encode(grant);
      return `ya29.${payload}.${seal(payload)}`;
    },
    readAccessToken(token) {
      const [start, payload = '', signature = ''] = token.split('.');
      if (start !== 'ya29' || !isEqual(signature, seal(payload))) return undefined;
      const grant = accessGrant.parse(JSON.parse(Buffer.from(payload, 'base64url').toString()));
      return grant.expires > now() ? grant : undefined;
    },
    issueIdToken(claims, seconds = TOKEN_SECONDS) {
      const header = { alg: 'RS256', kid: state.keyId, typ: 'JWT' };
      const times = { iat: now(), exp: now() + seconds };
      const signed = `${encode(header)}.${encode({ iss: ISSUER, ...claims, ...times })}`;
      const signature = sign('RSA-SHA256', Buffer.from(signed), state.privateKey);
      return `${signed}.${signature.toString('base64url')}`;
    },
  };
}

/** @throws GoogleError 401, as Google's front end answers. */
export function requireBearer(tokens: Tokens, authorization: string | undefined): AccessGrant {
  const token = /^Bearer (\S+)$/i.exec(authorization ?? '')?.[1];
  const grant = token === undefined ? undefined : tokens.readAccessToken(token);
  if (grant) return grant;
  const isMissing = authorization === undefined;
  throw new GoogleError(
    401,
    isMissing ? 'required' : 'authError',
    `Request ${isMissing ? 'is missing required' : 'had invalid'} authentication ${isMissing ? 'credential' : 'credentials'}. ` +
      'Expected OAuth 2 access token, login cookie or other valid authentication credential. ' +
      'See https://developers.google.com/identity/sign-in/web/devconsole-project.',
    {
      status: 'UNAUTHENTICATED',
      entry: {
        message: isMissing ? 'Login Required.' : 'Invalid Credentials',
        location: 'Authorization',
        locationType: 'header',
      },
      headers: { 'www-authenticate': 'Bearer realm="https://accounts.google.com/"' },
    },
  );
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function isEqual(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}
