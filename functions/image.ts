// What people do with the project's gateway image: look at it, and have it built. Called by api.ts.
import type { User } from './caller.ts';
import type { buildImageRequest, ImageView } from './contract.ts';
import type { z } from 'zod';
import { AppError } from './errors.ts';
import { isIdle, isUnderWay, reconcileImage, wantBuild } from './image-reconcile.ts';
import { extensionUnderWay, type ImageRecord } from './image-record.ts';
import { settleBuild, type ImageLookDeps } from './image-look.ts';
import { taggedName } from './images.ts';

/** Looks at the registry, and at a build that somebody has asked for. */
export async function getImage(deps: ImageLookDeps): Promise<ImageView> {
  const { registry, images, config } = deps;
  const pinned = await registry.findPinned(config.gatewayImage);
  const name = taggedName(config.gatewayImage);
  const known = await images.getImage(name);
  if (!known) return viewOf(name, pinned, undefined);
  if (isIdle(known)) return viewOf(name, pinned, known);
  const state = await reconcileImage(deps, pinned !== undefined);
  // The registry was asked first: a build whose end is seen now may have pushed since.
  return viewOf(name, state.pinned ?? pinned, state.record);
}

/**
 * Asks for a build, unless one is under way. Everybody may, as long as there is no image: a session would do it too. One
 * that is there may be the team's own, so only an administrator replaces it, and only with `force`.
 */
export async function buildImage(
  user: User,
  { force = false, validateOnly = false }: z.infer<typeof buildImageRequest>,
  deps: ImageLookDeps,
): Promise<ImageView> {
  const { registry, config } = deps;
  const name = taggedName(config.gatewayImage);
  const pinned = await registry.findPinned(config.gatewayImage);
  if (pinned !== undefined && !force) {
    throw new AppError(
      'ALREADY_EXISTS',
      `Image ${name} is there already. {"force": true} has it built again, in its place.`,
    );
  }
  if (pinned !== undefined && !user.isAdministrator) {
    throw new AppError('PERMISSION_DENIED', `Only an administrator may replace image ${name}.`);
  }
  if (validateOnly) return await getImage(deps);
  await settleExtension(name, deps);
  await wantBuild(deps);
  const { record } = await reconcileImage(deps, pinned !== undefined);
  return viewOf(name, pinned, record);
}

/**
 * One that was under way when somebody looked last may be over: then it is no reason to refuse. A build of the plain image
 * that is over is left as it was seen last: it is the one that a repeated request has asked for.
 */
async function settleExtension(name: string, deps: ImageLookDeps): Promise<void> {
  const record = await deps.images.getImage(name);
  if (record && !isIdle(record) && extensionUnderWay(record)) await settleBuild(deps);
}

export function viewOf(
  name: string,
  pinned: string | undefined,
  record: ImageRecord | undefined,
): ImageView {
  const { build, failure } = record ?? {};
  const digest = pinned?.split('@')[1];
  return {
    name,
    state: stateOf(pinned, record),
    ...(digest === undefined ? {} : { digest }),
    ...(build
      ? {
          build: {
            id: build.id,
            status: build.status,
            ...(build.logUrl === undefined ? {} : { logUrl: build.logUrl }),
            ...(build.startTime === undefined ? {} : { startTime: build.startTime }),
            ...(build.extension ? { extension: build.extension.kind } : {}),
          },
        }
      : {}),
    ...(failure ? { error: { code: failure.code, message: failure.message } } : {}),
  };
}

function stateOf(pinned: string | undefined, record: ImageRecord | undefined): ImageView['state'] {
  if (record && isUnderWay(record)) return 'BUILDING';
  if (pinned !== undefined) return 'READY';
  return record?.failure ? 'FAILED' : 'MISSING';
}
