// Answers of a registry: its own form of errors, and its version in every header.
import { json, type FileBody, type Reply } from '../router.ts';

const VERSION = { 'docker-distribution-api-version': 'registry/2.0' };

export function refuse(status: number, code: string, message: string): Reply {
  return { ...json({ errors: [{ code, message }] }, status), headers: VERSION };
}

export function accepted(status: number, headers: Record<string, string>): Reply {
  return { status, headers: { ...VERSION, ...headers } };
}

export function content(body: Buffer | FileBody, mediaType: string, digest: string): Reply {
  const headers = { 'content-type': mediaType, 'docker-content-digest': digest, ...VERSION };
  return { status: 200, headers, body };
}

export function unknownName(name: string): Reply {
  return refuse(404, 'NAME_UNKNOWN', `Repository "${name}" not found.`);
}

export function unknownManifest(name: string, reference: string): Reply {
  const path = `/v2/${name}/manifests/${reference}`;
  return refuse(404, 'MANIFEST_UNKNOWN', `Failed to fetch "${reference}" from request "${path}".`);
}
