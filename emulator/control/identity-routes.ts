// The control API's routes for identities: more users, and service accounts for team tooling.
import path from 'node:path';
import { z } from 'zod';
import { keyFileOf, writeKeyFile } from '../oidc/service-account-keys.ts';
import { writeCredentialFile, type OidcState } from '../oidc/state.ts';
import { json, type Call, type Reply, type Route } from '../router.ts';
import { readBody } from './body.ts';

export interface IdentityRoutesOptions {
  stateDir: string;
  project: string;
  oidc: OidcState;
  tokenUri: () => string;
}

const newUser = z.strictObject({ email: z.email().max(254) });
const newServiceAccount = z.union(
  [
    z.strictObject({ email: z.email().max(254).endsWith('.gserviceaccount.com') }),
    z.strictObject({ name: z.string().regex(/^[a-z][-a-z0-9]{4,28}[a-z0-9]$/) }),
  ],
  'must be {"name": "6 to 30 letters"} or {"email": "NAME@PROJECT.iam.gserviceaccount.com"}',
);

export function createIdentityRoutes(options: IdentityRoutesOptions): Route[] {
  return [
    { method: 'POST', path: '/control/users', handle: (call) => addUser(call, options) },
    {
      method: 'POST',
      path: '/control/service-accounts',
      handle: (call) => addServiceAccount(call, options),
    },
  ];
}

/** Makes the user if there is none of that e-mail; answers where the credentials are. */
function addUser(call: Call, { stateDir, oidc, tokenUri }: IdentityRoutesOptions): Reply {
  const user = oidc.ensureUser(readBody(call, newUser).email);
  const file = credentialFileOf(stateDir, user.email);
  writeCredentialFile(file, user, { clientSecret: oidc.clientSecret, tokenUri: tokenUri() });
  return json({ email: user.email, credentials: file });
}

export function credentialFileOf(stateDir: string, email: string): string {
  return path.join(stateDir, `credentials-${encodeURIComponent(email)}.json`);
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
