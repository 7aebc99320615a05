// Service accounts with keys, for team tooling: made through the control API, exchanged for tokens at /token
// (assertion.ts). Instances and functions need no keys: their metadata servers speak for them.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { writeAtomically } from '../state.ts';
import { serviceAccountIdentity } from './service-account.ts';

export const serviceAccount = z.object({
  email: z.string(),
  subject: z.string(),
  keyId: z.string(),
  /** PEM (PKCS #8). */
  privateKey: z.string(),
});
export type ServiceAccountKey = z.infer<typeof serviceAccount>;

export function createServiceAccount(email: string): ServiceAccountKey {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return {
    ...serviceAccountIdentity(email),
    keyId: randomBytes(20).toString('hex'),
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
}

/** What Google hands out when a key is made, with the emulator's token_uri. */
export function keyFileOf(
  { email, subject, keyId, privateKey }: ServiceAccountKey,
  project: string,
  tokenUri: string,
): Record<string, string> {
  return {
    type: 'service_account',
    project_id: project,
    private_key_id: keyId,
    private_key: privateKey,
    client_email: email,
    client_id: subject,
    auth_uri: 'https://accounts.google.com/o/oauth2/auth',
    token_uri: tokenUri,
    auth_provider_x509_cert_url: new URL('/oauth2/v1/certs', tokenUri).href,
    client_x509_cert_url: `https://www.googleapis.com/robot/v1/metadata/x509/${encodeURIComponent(email)}`,
    universe_domain: 'googleapis.com',
  };
}

export function writeKeyFile(file: string, content: Record<string, string>): void {
  writeAtomically(file, `${JSON.stringify(content, null, 2)}\n`);
}
