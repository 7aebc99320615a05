// A person's credentials: a refresh token, as `gcloud auth application-default login` writes it. One question gets both
// tokens. For credential-file.ts.
import { z } from 'zod';
import type { Tokens } from './credentials.ts';
import { ask, formOf, lifetimeOf, tokenAnswer, type Line } from './token-endpoint.ts';

export const GOOGLE_TOKEN_URI = 'https://oauth2.googleapis.com/token';

export const authorizedUser = z.object({
  type: z.literal('authorized_user'),
  client_id: z.string(),
  client_secret: z.string(),
  refresh_token: z.string(),
  token_uri: z.url().default(GOOGLE_TOKEN_URI),
});

/** Without an ID token where the sign-in does not allow one. @throws TokenRefusal */
export async function fetchOfUser(
  user: z.infer<typeof authorizedUser>,
  line: Line,
): Promise<Tokens> {
  const { client_id, client_secret, refresh_token, token_uri: url } = user;
  const form = formOf({ grant_type: 'refresh_token', client_id, client_secret, refresh_token });
  const answer = await ask({ url, ...form }, tokenAnswer, line);
  return {
    ...(answer.access_token === undefined
      ? {}
      : { access: { value: answer.access_token, lifetimeSeconds: answer.expires_in ?? 0 } }),
    ...(answer.id_token === undefined
      ? {}
      : { id: { value: answer.id_token, lifetimeSeconds: lifetimeOf(answer.id_token) } }),
  };
}
