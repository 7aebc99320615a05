// What docker goes by at the emulated registry: a file of its own, with an access token in it.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** @param folder what DOCKER_CONFIG says, or `.docker` in a home; made if it is not there */
export function writeDockerCredentials(
  folder: string,
  hosts: Iterable<string>,
  accessToken: string,
): void {
  const auth = Buffer.from(`oauth2accesstoken:${accessToken}`).toString('base64');
  const entries = [...new Set(hosts)].map((host) => [`https://${host}`, { auth }] as const);
  const content = JSON.stringify({ auths: Object.fromEntries(entries) });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(path.join(folder, 'config.json'), content, { mode: 0o600 });
}
