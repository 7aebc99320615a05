// A service account that somebody may act as, as `gcloud auth application-default login --impersonate-service-account`
// writes it: their own token, exchanged at IAM. For credential-file.ts.
import { z } from 'zod';
import type { Token, TokenKind, Tokens } from './credentials.ts';
import { CLOUD_PLATFORM, fetchOfServiceAccount, serviceAccount } from './service-account.ts';
import { ask, lifetimeOf, type Line } from './token-endpoint.ts';
import { authorizedUser, fetchOfUser } from './user-file.ts';

const GENERATE = /:generateAccessToken$/;

export const impersonated = z.object({
  type: z.literal('impersonated_service_account'),
  service_account_impersonation_url: z.url().regex(GENERATE),
  source_credentials: z.discriminatedUnion('type', [authorizedUser, serviceAccount]),
  delegates: z.array(z.string()).default([]),
});
type Impersonated = z.infer<typeof impersonated>;

/** What we ask for, and what IAM gives unless an organisation forbids it. */
const LIFETIME_SECONDS = 3600;

/** @throws TokenRefusal */
export async function fetchImpersonated(
  account: Impersonated,
  kind: TokenKind,
  audience: string,
  line: Line,
): Promise<Tokens> {
  const own = await ownToken(account, line);
  const { service_account_impersonation_url: url, delegates } = account;
  const headers = {
    'content-type': 'application/json',
    authorization: `Bearer ${own?.value ?? ''}`,
  };
  if (kind === 'id') {
    const body = JSON.stringify({ audience, delegates, includeEmail: true });
    const idUrl = url.replace(GENERATE, ':generateIdToken');
    const { token } = await ask(
      { url: idUrl, headers, body },
      z.object({ token: z.string() }),
      line,
    );
    return { id: { value: token, lifetimeSeconds: lifetimeOf(token) } };
  }
  const lifetime = `${LIFETIME_SECONDS}s`;
  const body = JSON.stringify({ scope: [CLOUD_PLATFORM], delegates, lifetime });
  const schema = z.object({ accessToken: z.string() });
  const { accessToken } = await ask({ url, headers, body }, schema, line);
  return { access: { value: accessToken, lifetimeSeconds: LIFETIME_SECONDS } };
}

async function ownToken(
  { source_credentials: source }: Impersonated,
  line: Line,
): Promise<Token | undefined> {
  const tokens =
    source.type === 'authorized_user'
      ? await fetchOfUser(source, line)
      : await fetchOfServiceAccount(source, 'access', '', line);
  return tokens.access;
}
