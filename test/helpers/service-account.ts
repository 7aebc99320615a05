// Signs in as a service account of the emulated project, as team tooling does with its key file.
import { JWT } from 'google-auth-library';
import { z } from 'zod';
import type { Backend } from './backend.ts';

const made = z.object({
  key: z.object({ client_email: z.string(), private_key: z.string(), token_uri: z.string() }),
});

/** @returns an ID token for this audience; the account is made if it is not there */
export async function signInAccount(
  { control }: Pick<Backend, 'control'>,
  email: string,
  audience: string,
): Promise<string> {
  const { key } = made.parse(await control('POST', '/service-accounts', { email }));
  const client = new JWT({ email: key.client_email, key: key.private_key });
  // The library for Node.js does not take token_uri from the file.
  client.transporter.interceptors.request.add({
    resolved: (request) => {
      if (request.url.href === 'https://oauth2.googleapis.com/token') {
        request.url = new URL(key.token_uri);
      }
      return Promise.resolve(request);
    },
  });
  return await client.fetchIdToken(audience);
}
