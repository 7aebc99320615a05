// How Compute Engine names things: links in answers, paths in messages.

export type Json = Record<string, unknown>;

/** What Google's links start with, whatever the URL that was asked. */
export const API_ROOT = 'https://www.googleapis.com/compute/v1';

export function instancePath(project: string, zone: string, name: string): string {
  return `projects/${project}/zones/${zone}/instances/${name}`;
}

export function operationPath(project: string, zone: string, name: string): string {
  return `projects/${project}/zones/${zone}/operations/${name}`;
}
