// The control API's routes for identities: more users, what becomes of their sign-ins, how long tokens live, and service
// accounts for team tooling.
import path from 'node:path';
import { z } from 'zod';
import { keyFileOf, writeKeyFile } from '../oidc/service-account-keys.ts';
import { GoogleError } from '../google-error.ts';
import { TOKEN_SECONDS, writeCredentialFile, type OidcState } from '../oidc/state.ts';
import { json, type Call, type Reply, type Route } from '../router.ts';
import { readBody } from './body.ts';

export interface IdentityRoutesOptions {
  stateDir: string;
  project: string;
  oidc: OidcState;
  /** The user whose credentials are in `credentialsFile` as well. */
  firstUser: string;
  credentialsFile: string;
  tokenUri: () => string;
}

const newUser = z.strictObject({ email: z.email().max(254) });
const newLifetime = z.strictObject({ seconds: z.int().min(1).max(TOKEN_SECONDS) });
const newServiceAccount = z.union(
  [
    z.strictObject({ email: z.email().max(254).endsWith('.gserviceaccount.com') }),
    z.strictObject({ name: z.string().regex(/^[a-z][-a-z0-9]{4,28}[a-z0-9]$/) }),
  ],
  'must be {"name": "6 to 30 letters"} or {"email": "NAME@PROJECT.iam.gserviceaccount.com"}',
);

export function createIdentityRoutes(options: IdentityRoutesOptions): Route[] {
  return [
    { method: 'POST', path: '/control/users', handle: (call) => signIn(call, options) },
    {
      method: 'POST',
      path: '/control/users/:email:revoke',
      handle: (_, { email = '' }) => revoke(email, options),
    },
    { method: 'POST', path: '/control/tokens', handle: (call) => setLifetime(call, options) },
    {
      method: 'POST',
      path: '/control/service-accounts',
      handle: (call) => addServiceAccount(call, options),
    },
  ];
}

/**
 * Makes the user if there is none of that e-mail, and signs in again one whose sign-in was revoked; answers where the
 * credentials are.
 */
function signIn(call: Call, options: IdentityRoutesOptions): Reply {
  const { stateDir, oidc, firstUser, credentialsFile, tokenUri } = options;
  const user = oidc.signIn(readBody(call, newUser).email);
  const file = path.join(stateDir, `credentials-${encodeURIComponent(user.email)}.json`);
  const files = user.email === firstUser ? [file, credentialsFile] : [file];
  for (const each of files) {
    writeCredentialFile(each, user, { clientSecret: oidc.clientSecret, tokenUri: tokenUri() });
  }
  return json({ email: user.email, credentials: file });
}

/** The refresh token is refused from now on; tokens that it has given are good until they expire. */
function revoke(email: string, { oidc }: IdentityRoutesOptions): Reply {
  const user = oidc.revoke(email);
  if (user) return json({ email: user.email });
  throw new GoogleError(404, 'notFound', `There is no user ${email}.`);
}

/** Of the tokens that a sign-in gives from now on; those of metadata servers have Google's lifetime. */
function setLifetime(call: Call, { oidc }: IdentityRoutesOptions): Reply {
  const { seconds } = readBody(call, newLifetime);
  oidc.tokenSeconds = seconds;
  return json({ seconds });
}

/** The same account and key however often it is asked for; `key` is what the file holds. */
function addServiceAccount(call: Call, options: IdentityRoutesOptions): Reply {
  const { stateDir, project, oidc, tokenUri } = options;
  const asked = readBody(call, newServiceAccount);
  const email = 'email' in asked ? asked.email : `${asked.name}@${project}.iam.gserviceaccount.com`;
  const key = keyFileOf(oidc.ensureServiceAccount(email), project, tokenUri());
  const file = path.join(stateDir, `service-account-${encodeURIComponent(email)}.json`);
  writeKeyFile(file, key);
  return json({ email, credentials: file, key });
}
