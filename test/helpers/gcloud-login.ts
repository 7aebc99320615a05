// Signs Google's gcloud in to an emulator, in a folder of its own: a person with their refresh token, a service account with
// its key.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import type { ReadyEvent } from '../../emulator/attachment.ts';
import { temporaryFolder } from './temporary-folder.ts';

export interface GcloudLogin {
  /** Of every program that is to see this gcloud. */
  env: Record<string, string>;
  gcloudDir: string;
  /** Signs in again, with what the emulator has given since. */
  again(): Promise<void>;
}

export async function signInGcloud(
  t: Pick<TestContext, 'after'>,
  { credentials, urls }: ReadyEvent,
  account: string,
): Promise<GcloudLogin> {
  const home = temporaryFolder(t);
  const gcloudDir = path.join(home, 'gcloud');
  const read = (file: string) => JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>;
  const { client_id = '', client_secret = '', token_uri = '' } = read(credentials);
  const env: Record<string, string> = {
    PATH: process.env['PATH'] ?? '',
    HOME: home,
    CLOUDSDK_CONFIG: gcloudDir,
    CLOUDSDK_AUTH_CLIENT_ID: client_id,
    CLOUDSDK_AUTH_CLIENT_SECRET: client_secret,
    CLOUDSDK_AUTH_TOKEN_HOST: token_uri,
  };
  const gcloud = (...args: string[]) => promisify(execFile)('gcloud', args, { env });
  const kind = account.endsWith('.gserviceaccount.com') ? 'service-accounts' : 'users';
  const again = async () => {
    const reply = await fetch(`${urls.control}/${kind}`, {
      method: 'POST',
      body: JSON.stringify({ email: account }),
    });
    const made = (await reply.json()) as { credentials: string };
    if (kind === 'service-accounts') {
      await gcloud('auth', 'activate-service-account', `--key-file=${made.credentials}`);
    } else {
      const { refresh_token = '' } = read(made.credentials);
      await gcloud('auth', 'activate-refresh-token', account, refresh_token);
    }
  };
  await again();
  return { env, gcloudDir, again };
}
