// The gateway image, made to be there: load -> observe the build -> plan -> save -> ask for a build. The same path
// whoever looks: a session that needs the image, a finished build's message, POST /v1/image:build.
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from './clock.ts';
import type { Config } from './config.ts';
import { AppError } from './errors.ts';
import {
  extensionUnderWay,
  isAhead,
  newImageRecord,
  type BuildClaim,
  type ImageRecord,
  type WantedExtension,
} from './image-record.ts';
import { isOver, planImage, type ImageObserved, type SeenBuild } from './image-plan.ts';
import { parseImageName, pinnedImage, taggedName } from './images.ts';
import type { Log } from './log.ts';
import type { ImageStore } from './store/image-store.ts';
import { asStored } from './store/stored-record.ts';

export interface ImageBuildRequest {
  /** With its tag. */
  image: string;
  /** By which the build is found again. */
  tag: string;
  /** Of the source: the image's second tag, and a label. */
  version: string;
  /** Absent: the plain image. */
  extension?: WantedExtension | undefined;
}

export interface Builds {
  /** The newest build with this tag. */
  findBuild(tag: string): Promise<SeenBuild | undefined>;
  getBuild(id: string): Promise<SeenBuild | undefined>;
  createBuild(request: ImageBuildRequest): Promise<SeenBuild>;
  /** Of what an image is built from. */
  sourceHash(): Promise<string>;
}

export interface BuildLog {
  /** Oldest first. */
  lastLines(buildId: string, count: number): Promise<string[]>;
}

export interface ImageDeps {
  images: ImageStore;
  builds: Builds;
  buildLog: BuildLog;
  clock: Clock;
  config: Config;
  log: Log;
}

export interface ImageState {
  record: ImageRecord;
  /** Just built: with its digest. */
  pinned?: string | undefined;
}

/** Each round that does not end it was lost to somebody who has saved. */
export const MAX_ROUNDS = 12;
const LOG_LINES = 15;

/**
 * @param isThere the registry has the image: it is built anew only if somebody has asked for that
 * @throws AppError when Cloud Build or the store cannot be asked
 */
export async function reconcileImage(deps: ImageDeps, isThere = false): Promise<ImageState> {
  const { images, clock, config } = deps;
  const name = taggedName(config.gatewayImage);
  let callTrouble: ImageObserved['callTrouble'];
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const record = await loadImage(name, images);
    const observed = { ...(await observeImage(record, deps)), callTrouble };
    const planned = planImage(record, observed, isThere, clock.now(), config);
    const saved = await save(record, planned.next, images);
    if (!saved) continue;
    if (!planned.claim) return { record: saved, pinned: pinnedBy(planned.digest, config) };
    callTrouble = await ask(planned.claim, saved.extension, observed.sourceHash, deps);
    if (!callTrouble) return { record: saved };
  }
  throw changedAllTheTime();
}

/**
 * Somebody asks for a build of the plain image: a failure is forgotten, and an image that is there is no reason not to.
 * @throws AppError when another build than that is under way
 */
export async function wantBuild(deps: ImageDeps): Promise<void> {
  const { images } = deps;
  const name = taggedName(deps.config.gatewayImage);
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const record = await loadImage(name, images);
    if (!isIdle(record)) {
      checkIsThat(record, undefined);
      return;
    }
    const wanted = { ...record, isBuildWanted: true, failure: undefined, extension: undefined };
    if (await images.saveImage(wanted)) return;
  }
  throw changedAllTheTime();
}

/** @throws AppError when what is wanted or under way is not the build of `hash`; undefined: of the plain image */
export function checkIsThat(record: ImageRecord, hash: string | undefined): void {
  if (extensionUnderWay(record) === hash) return;
  const id = record.build && !isAhead(record) ? ` (${record.build.id})` : '';
  throw new AppError(
    'FAILED_PRECONDITION',
    `Another build of image ${record.name} is under way${id}. Wait until it has ended ` +
      '(datalab-client image status), then ask again.',
  );
}

export function changedAllTheTime(): AppError {
  return new AppError('ABORTED', 'The image was changed by others all the time; try again.', {
    isRetryable: true,
  });
}

export async function loadImage(name: string, images: ImageStore): Promise<ImageRecord> {
  return (await images.getImage(name)) ?? (await images.createImage(newImageRecord(name)));
}

async function observeImage(record: ImageRecord, deps: ImageDeps): Promise<ImageObserved> {
  const { builds, buildLog, log } = deps;
  const [build, sourceHash] = await Promise.all([findBuild(record, builds), builds.sourceHash()]);
  const hasFailed = build !== undefined && isOver(build.status) && build.status !== 'SUCCESS';
  if (!hasFailed || !isUnderWay(record)) return { build, sourceHash };
  try {
    return { build, sourceHash, logLines: await buildLog.lastLines(build.id, LOG_LINES) };
  } catch (error) {
    // What the build ended with is known all the same.
    if (!(error instanceof AppError)) throw error;
    log.warn(error.message, { build: build.id, code: error.code });
    return { build, sourceHash };
  }
}

async function findBuild(record: ImageRecord, builds: Builds): Promise<SeenBuild | undefined> {
  if (record.claim) return await builds.findBuild(record.claim.tag);
  return record.build && isUnfinished(record) ? await builds.getBuild(record.build.id) : undefined;
}

/** Nobody has asked for a build, and none is under way. */
export function isIdle(record: ImageRecord): boolean {
  return !record.isBuildWanted && !isUnderWay(record);
}

/** A build is claimed, or Cloud Build has not ended it as far as we have seen. */
export function isUnderWay(record: ImageRecord): boolean {
  return record.claim !== undefined || isUnfinished(record);
}

function isUnfinished({ build }: ImageRecord): boolean {
  return build !== undefined && !isOver(build.status);
}

async function save(
  record: ImageRecord,
  next: ImageRecord,
  images: ImageStore,
): Promise<ImageRecord | undefined> {
  const isSame = isDeepStrictEqual(asStored(record), asStored(next));
  return isSame ? record : await images.saveImage(next);
}

/** @returns what kept Cloud Build from taking it */
async function ask(
  claim: BuildClaim,
  extension: WantedExtension | undefined,
  sourceHash: string,
  { builds, clock, config, log }: ImageDeps,
): Promise<ImageObserved['callTrouble']> {
  // Late: others may ask by now.
  if (clock.now() + config.callSeconds * 1000 > claim.deadline) return undefined;
  const { tag } = claim;
  const version = extension ? versionOf(extension) : sourceHash;
  try {
    const image = taggedName(config.gatewayImage);
    await builds.createBuild({ image, tag, version, extension });
    return undefined;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const { code, message, isRetryable } = error;
    log.warn(message, { build: tag, code });
    return { tag, code, message, isCertain: !isRetryable || code === 'RESOURCE_EXHAUSTED' };
  }
}

/** The same extension of another image is another image. */
function versionOf({ hash, base }: WantedExtension): string {
  return createHash('sha256').update(`${hash}\n${base}`).digest('hex').slice(0, 16);
}

function pinnedBy(digest: string | undefined, { gatewayImage }: Config): string | undefined {
  return digest === undefined ? undefined : pinnedImage(parseImageName(gatewayImage), digest);
}
