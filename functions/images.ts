// Names of container images: which one is meant, and that name with its digest (pure).

/** Gateway and agent image, each pinned: `gcr.io/PROJECT/NAME@sha256:…`. */
export interface Images {
  gateway: string;
  agent: string;
}

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
