// The images that a session needs, found or made: each in the registry, pinned by its digest; the project's gateway
// image is built when it is missing. Asked by observe.ts; the build itself goes through image-reconcile.ts. And what
// somebody has asked for, brought on while nobody waits.
import type { Config } from './config.ts';
import type { Registry } from './google/registry.ts';
import { isIdle, reconcileImage, type ImageDeps } from './image-reconcile.ts';
import { taggedName, type ImageLook } from './images.ts';
import type { SessionRecord } from './record.ts';

export interface ImageLookDeps extends ImageDeps {
  registry: Registry;
  config: Config;
}

/** @throws AppError when Google cannot be asked */
export async function findImages(
  { spec }: Pick<SessionRecord, 'spec'>,
  deps: ImageLookDeps,
): Promise<ImageLook> {
  const { registry, config } = deps;
  const wanted = spec.image ?? config.gatewayImage;
  const [gateway, agent] = await Promise.all([
    registry.findPinned(wanted),
    registry.findPinned(config.agentImage),
  ]);
  if (agent === undefined) return missing(config.agentImage, 'it belongs to the backend');
  if (gateway !== undefined) return { kind: 'pinned', images: { gateway, agent } };
  if (spec.image !== undefined) return missing(spec.image, 'only the project’s own is built');
  // A build makes a tag, never a digest that was there before.
  if (wanted.includes('@')) return missing(wanted, 'a digest cannot be built');
  const { record, pinned } = await reconcileImage(deps);
  if (pinned !== undefined) return { kind: 'pinned', images: { gateway: pinned, agent } };
  const { failure } = record;
  if (failure) return { kind: 'failed', trouble: { code: failure.code, message: failure.message } };
  return { kind: 'building', image: taggedName(config.gatewayImage) };
}

/** Looks at the build of the gateway image that somebody has asked for, if there is one, and makes the next step of it. */
export async function settleBuild(deps: ImageLookDeps): Promise<void> {
  const { registry, images, config } = deps;
  const record = await images.getImage(taggedName(config.gatewayImage));
  if (!record || isIdle(record)) return;
  const isThere = (await registry.findPinned(config.gatewayImage)) !== undefined;
  await reconcileImage(deps, isThere);
}

function missing(image: string, why: string): ImageLook {
  const message =
    `Image ${image} is not in the registry, and ${why}. ` +
    `Push it there (docker push ${image}), then start the session again.`;
  return { kind: 'failed', trouble: { code: 'FAILED_PRECONDITION', message } };
}
