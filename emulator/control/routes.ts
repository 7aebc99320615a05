// The emulator's own API, which Google has nothing like: what runs here, more users, the end.
import path from 'node:path';
import { z } from 'zod';
import type { InstanceDetails } from '../compute/compute.ts';
import { GoogleError } from '../google-error.ts';
import { writeCredentialFile, type OidcState } from '../oidc/state.ts';
import { json, type Call, type Reply, type Route } from '../router.ts';

export interface ControlOptions {
  stateDir: string;
  oidc: OidcState;
  tokenUri: () => string;
  info: () => object;
  instances: () => InstanceDetails[];
  end: () => void;
}

const newUser = z.strictObject({ email: z.email().max(254) });

export function createControlRoutes(options: ControlOptions): Route[] {
  const ours =
    (handle: (call: Call) => Reply) =>
    (call: Call): Reply => {
      refuseBrowsers(call);
      return handle(call);
    };
  return [
    { method: 'GET', path: '/control', handle: ours(() => json(options.info())) },
    {
      method: 'GET',
      path: '/control/instances',
      handle: ours(() => json({ instances: options.instances() })),
    },
    { method: 'POST', path: '/control/users', handle: ours((call) => addUser(call, options)) },
    {
      method: 'POST',
      path: '/control/end',
      handle: ours(() => {
        options.end();
        return json({}, 202);
      }),
    },
  ];
}

/** Makes the user if there is none of that e-mail; answers where the credentials are. */
function addUser(call: Call, { stateDir, oidc, tokenUri }: ControlOptions): Reply {
  const parsed = newUser.safeParse(readJson(call.body));
  if (!parsed.success) {
    throw new GoogleError(400, 'invalid', 'The body must be {"email": "somebody@example.com"}.');
  }
  const user = oidc.ensureUser(parsed.data.email);
  const file = credentialFileOf(stateDir, user.email);
  writeCredentialFile(file, user, { clientSecret: oidc.clientSecret, tokenUri: tokenUri() });
  return json({ email: user.email, credentials: file });
}

export function credentialFileOf(stateDir: string, email: string): string {
  return path.join(stateDir, `credentials-${encodeURIComponent(email)}.json`);
}

/** Without this, any page in the user's browser could end the emulator, or make itself a user. */
function refuseBrowsers({ headers }: Call): void {
  const host = (headers.host ?? '').replace(/:\d+$/, '');
  const isLocal = host === '127.0.0.1' || host === 'localhost';
  if (isLocal && headers.origin === undefined) return;
  throw new GoogleError(403, 'forbidden', 'The control API is not for browsers.');
}

function readJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}
