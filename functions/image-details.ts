// GET /v1/image: the gateway image as image.ts sees it, and on request what the registry and the store know of it.
import type { z } from 'zod';
import type { User } from './caller.ts';
import type { getImageQuery, ImageView } from './contract.ts';
import { AppError } from './errors.ts';
import type { ImageFacts } from './google/image-manifest.ts';
import type { ImageLookDeps } from './image-look.ts';
import { getImage } from './image.ts';
import { readUsage } from './image-usage.ts';
import { parseImageName, pinnedImage } from './images.ts';
import type { SessionStore } from './store/session-store.ts';

/** Labels of OCI's own, which every build of ours sets. https://github.com/opencontainers/image-spec/blob/main/annotations.md */
const LABELS = {
  version: 'org.opencontainers.image.version',
  baseName: 'org.opencontainers.image.base.name',
  baseDigest: 'org.opencontainers.image.base.digest',
} as const;
/** Whoever has made the image wrote them. */
const MAX_VERSION = 128;

export interface ImageDetailsDeps extends ImageLookDeps {
  store: Pick<SessionStore, 'list'>;
}

export async function showImage(
  user: User,
  { view = 'BASIC' }: z.infer<typeof getImageQuery>,
  deps: ImageDetailsDeps,
): Promise<ImageView> {
  const image = await getImage(deps);
  if (view === 'BASIC') return image;
  const { name, digest } = image;
  const pinned = digest === undefined ? undefined : pinnedImage(parseImageName(name), digest);
  const [facts, usedBy] = await Promise.all([
    pinned === undefined ? undefined : describe(pinned, deps),
    readUsage(user, { name, pinned }, deps.store),
  ]);
  return { ...image, ...(facts ? detailsOf(name, facts) : {}), usedBy };
}

/** What the image is, is known without: a registry that does not tell more is no reason to say nothing. */
async function describe(
  pinned: string,
  { registry, log }: ImageDetailsDeps,
): Promise<ImageFacts | undefined> {
  try {
    return await registry.describe(pinned);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    log.warn(error.message, { image: pinned, code: error.code });
    return undefined;
  }
}

function detailsOf(
  name: string,
  { sizeBytes, createTime, labels }: ImageFacts,
): Pick<ImageView, 'sizeBytes' | 'createTime' | 'version' | 'extendedFrom'> {
  const version = labels[LABELS.version]?.slice(0, MAX_VERSION);
  const extendedFrom = baseOf(name, labels);
  return {
    sizeBytes,
    ...(createTime === undefined ? {} : { createTime }),
    ...(version === undefined ? {} : { version }),
    ...(extendedFrom === undefined ? {} : { extendedFrom }),
  };
}

/** Any image may name the one that it was built from; here it has to be an earlier one of the same name. */
function baseOf(name: string, labels: ImageFacts['labels']): ImageView['extendedFrom'] {
  const base = labels[LABELS.baseName] ?? '';
  const digest = labels[LABELS.baseDigest] ?? '';
  const [one, other] = [parseImageName(base), parseImageName(name)];
  const isSame = one.host === other.host && one.repository === other.repository;
  return isSame && /^sha256:[0-9a-f]{64}$/.test(digest) ? { name, digest } : undefined;
}
