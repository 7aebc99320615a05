// POST /v1/image:extend: has an image built on top of the project's gateway image, which takes its place. It records what is
// wanted, checked, together with the image that it is built on; image-reconcile.ts has it built.
import type { User } from './caller.ts';
import type { ExtendImageRequest, ImageView } from './contract.ts';
import { AppError, invalidFields } from './errors.ts';
import { parseExtension, type Extension } from './extension.ts';
import { settleBuild, type ImageLookDeps } from './image-look.ts';
import type { ImageRecord } from './image-record.ts';
import {
  changedAllTheTime,
  checkIsThat,
  isIdle,
  loadImage,
  MAX_ROUNDS,
  reconcileImage,
} from './image-reconcile.ts';
import { getImage, viewOf } from './image.ts';
import { parseImageName, pinnedImage, taggedName } from './images.ts';

/**
 * Asks for it, unless it is under way, or is what the image is extended with already: repeating is safe.
 * @throws AppError when there is no image to extend, or another build is under way
 */
export async function extendImage(
  user: User,
  request: ExtendImageRequest,
  deps: ImageLookDeps,
): Promise<ImageView> {
  checkMayExtend(user, deps);
  const parsed = parseExtension(request);
  if ('violations' in parsed) throw invalidFields(parsed.violations);
  // What was under way when somebody looked last may be over: then it is no reason to refuse.
  await settleBuild(deps);
  const isWanted = await want(parsed.extension, request.validateOnly === true, deps);
  if (!isWanted) return await getImage(deps);
  const { record, pinned } = await reconcileImage(deps, true);
  const { registry, config } = deps;
  return viewOf(record.name, pinned ?? (await registry.findPinned(config.gatewayImage)), record);
}

/** As with a build that replaces an image. */
function checkMayExtend(user: User, { config }: ImageLookDeps): void {
  const { gatewayImage } = config;
  if (!user.isAdministrator) {
    throw new AppError(
      'PERMISSION_DENIED',
      `Only an administrator may replace image ${taggedName(gatewayImage)}.`,
    );
  }
  if (!gatewayImage.includes('@')) return;
  throw new AppError(
    'FAILED_PRECONDITION',
    `The backend is set to image ${gatewayImage}, a digest: nothing can take its place. ` +
      'Set GATEWAY_IMAGE to a name with a tag.',
  );
}

/**
 * The record is read before the registry, and saved only as it was read: a build that ends in between moves the image, and
 * what was extended then would be without it.
 * @returns whether a build is wanted, or under way
 */
async function want(
  extension: Extension,
  isOnlyChecked: boolean,
  { images, registry, config }: ImageLookDeps,
): Promise<boolean> {
  const name = taggedName(config.gatewayImage);
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const record = await loadImage(name, images);
    const base = await registry.findPinned(config.gatewayImage);
    if (!isIdle(record)) {
      checkIsThat(record, extension.hash);
      return true;
    }
    if (base === undefined) throw nothingToExtend(name);
    if (isOnlyChecked || isExtendedWith(record, extension.hash, base)) return false;
    const wanted = { ...extension, base };
    const next = { ...record, isBuildWanted: true, failure: undefined, extension: wanted };
    if (await images.saveImage(next)) return true;
  }
  throw changedAllTheTime();
}

/** The image that is there is what the last build made, and that was this one: the answer to it was lost, maybe. */
function isExtendedWith({ name, build }: ImageRecord, hash: string, pinned: string): boolean {
  if (build?.extension?.hash !== hash || build.digest === undefined) return false;
  return build.status === 'SUCCESS' && pinnedImage(parseImageName(name), build.digest) === pinned;
}

function nothingToExtend(name: string): AppError {
  return new AppError(
    'FAILED_PRECONDITION',
    `Image ${name} is not there, so there is nothing to extend. ` +
      'Have it built first (datalab-client image build, or POST /v1/image:build).',
  );
}
