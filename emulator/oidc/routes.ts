// The emulated Google sign-in: tokens for a refresh token, the public keys in both of Google's forms, tokeninfo.
import type { Clock } from '../clock.ts';
import { json, type Call, type Reply, type Route } from '../router.ts';
import { AssertionError, JWT_BEARER, readAssertion } from './assertion.ts';
import { createCertificate } from './certificate.ts';
import { CLIENT_ID, type OidcState } from './state.ts';
import { CLOUD_PLATFORM, ISSUER, type Identity, type Tokens } from './tokens.ts';

const USER_SCOPES = `${CLOUD_PLATFORM} https://www.googleapis.com/auth/userinfo.email openid`;
const DAY_MILLISECONDS = 86_400_000;
/** How long verifiers may keep the keys; ours never change. */
const CERTIFICATE_HEADERS = { 'cache-control': 'public, max-age=3600, must-revalidate' };

export interface OidcRoutesOptions {
  state: OidcState;
  tokens: Tokens;
  clock: Clock;
  tokenUri: () => string;
}

export function createOidcRoutes(options: OidcRoutesOptions): Route[] {
  const { state, tokens, clock } = options;
  const certificate = createCertificate({
    commonName: 'federated-signon.system.gserviceaccount.com',
    privateKey: state.privateKey,
    notBefore: new Date(clock.now() - DAY_MILLISECONDS),
    notAfter: new Date(clock.now() + 16 * DAY_MILLISECONDS),
  });
  const jwk = state.publicKey.export({ format: 'jwk' });
  const keys = [{ ...jwk, kid: state.keyId, alg: 'RS256', use: 'sig' }];
  return [
    { method: 'POST', path: '/token', handle: (call) => exchange(call, options) },
    {
      method: 'GET',
      path: '/oauth2/v1/certs',
      handle: () => ({ ...json({ [state.keyId]: certificate }), headers: CERTIFICATE_HEADERS }),
    },
    {
      method: 'GET',
      path: '/oauth2/v3/certs',
      handle: () => ({ ...json({ keys }), headers: CERTIFICATE_HEADERS }),
    },
    ...['GET', 'POST'].map((method) => ({
      method,
      path: '/tokeninfo',
      handle: (call: Call) => describeToken(call, tokens, clock),
    })),
  ];
}

function exchange(call: Call, options: OidcRoutesOptions): Reply {
  const { state, tokens } = options;
  const form = readForm(call);
  if (form === undefined) return refuse('invalid_request', 'The body is neither a form nor JSON.');
  const grantType = form.get('grant_type');
  if (grantType === null)
    return refuse('invalid_request', 'Required parameter is missing: grant_type');
  if (grantType === JWT_BEARER) return exchangeAssertion(form, options);
  if (grantType !== 'refresh_token') {
    return refuse('unsupported_grant_type', `Invalid grant_type: ${grantType}`);
  }
  if (form.get('client_id') !== CLIENT_ID) {
    return refuse('invalid_client', 'The OAuth client was not found.', 401);
  }
  if (form.get('client_secret') !== state.clientSecret) {
    return refuse('invalid_client', 'The provided client secret is invalid.', 401);
  }
  const refreshToken = form.get('refresh_token');
  if (!refreshToken) return refuse('invalid_request', 'Missing required parameter: refresh_token');
  const user = state.findByRefreshToken(refreshToken);
  if (!user) return refuse('invalid_grant', 'Token has been expired or revoked.');
  const { tokenSeconds } = state;
  return json({
    access_token: tokens.issueAccessToken(user, USER_SCOPES, tokenSeconds),
    expires_in: tokenSeconds - 1,
    scope: USER_SCOPES,
    token_type: 'Bearer',
    id_token: tokens.issueIdToken(claimsOf(user, CLIENT_ID, CLIENT_ID), tokenSeconds),
  });
}

/** A service account's own signature, for an ID token or an access token. */
function exchangeAssertion(form: URLSearchParams, options: OidcRoutesOptions): Reply {
  const { state, tokens, clock, tokenUri } = options;
  try {
    const { account, scope, targetAudience } = readAssertion(form.get('assertion') ?? '', {
      findAccount: (email) => state.findServiceAccount(email),
      tokenUri: tokenUri(),
      now: Math.floor(clock.now() / 1000),
    });
    const { tokenSeconds } = state;
    if (targetAudience) {
      const claims = claimsOf(account, targetAudience, account.email);
      return json({ id_token: tokens.issueIdToken(claims, tokenSeconds) });
    }
    if (!scope)
      return refuse('invalid_scope', 'Invalid OAuth scope or ID token audience provided.');
    const { email, subject } = account;
    return json({
      access_token: tokens.issueAccessToken({ email, subject }, scope, tokenSeconds),
      expires_in: tokenSeconds - 1,
      token_type: 'Bearer',
    });
  } catch (error) {
    if (error instanceof AssertionError) return refuse('invalid_grant', error.message);
    throw error;
  }
}

function claimsOf({ email, subject }: Identity, aud: string, azp: string) {
  return { azp, aud, sub: subject, email, email_verified: true };
}

/** What google-auth-library and gcloud ask of an access token. */
function describeToken(call: Call, tokens: Tokens, clock: Clock): Reply {
  const bearer = /^Bearer (\S+)$/i.exec(call.headers.authorization ?? '')?.[1];
  const token = call.query.get('access_token') ?? readForm(call)?.get('access_token') ?? bearer;
  const grant = token ? tokens.readAccessToken(token) : undefined;
  if (!grant) return refuse('invalid_token', 'Invalid Value');
  return json({
    azp: CLIENT_ID,
    aud: CLIENT_ID,
    sub: grant.subject,
    scope: grant.scope,
    exp: String(grant.expires),
    expires_in: String(grant.expires - Math.floor(clock.now() / 1000)),
    email: grant.email,
    email_verified: 'true',
    access_type: 'offline',
    iss: ISSUER,
  });
}

function readForm(call: Call): URLSearchParams | undefined {
  const text = call.body.toString();
  if (!(call.headers['content-type'] ?? '').includes('json')) return new URLSearchParams(text);
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body !== 'object' || body === null) return undefined;
    return new URLSearchParams(
      Object.entries(body).filter(
        (entry): entry is [string, string] => typeof entry[1] === 'string',
      ),
    );
  } catch {
    return undefined;
  }
}

function refuse(error: string, description: string, status = 400): Reply {
  return json({ error, error_description: description }, status);
}
