// Names of container images: which one is meant, and that name with its digest (pure).
import type { Trouble } from './record.ts';

/** Gateway and agent image, each pinned: `gcr.io/PROJECT/NAME@sha256:…`. */
export interface Images {
  gateway: string;
  agent: string;
}

/** What was found of the images that a session needs. */
export type ImageLook =
  | { kind: 'pinned'; images: Images }
  | { kind: 'building'; image: string }
  | { kind: 'failed'; trouble: Trouble };

export interface ImageName {
  host: string;
  /** Path of the repository at the host. */
  repository: string;
  /** Tag or digest. */
  reference: string;
}

/** `HOST/PATH[:TAG][@DIGEST]`; the tag is `latest` unless it says otherwise. */
export function parseImageName(image: string): ImageName {
  const [tagged = '', digest] = image.split('@');
  const [host = '', ...path] = tagged.split('/');
  const last = path.join('/');
  const [repository = '', tag] = last.split(':');
  return { host, repository, reference: digest ?? tag ?? 'latest' };
}

export function pinnedImage({ host, repository }: ImageName, digest: string): string {
  return `${host}/${repository}@${digest}`;
}

/** With its tag, also where that is the usual one. */
export function taggedName(image: string): string {
  const { host, repository, reference } = parseImageName(image);
  return image.includes('@') ? image : `${host}/${repository}:${reference}`;
}
