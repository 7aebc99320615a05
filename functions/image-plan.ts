// (image record, what Cloud Build shows, now, config) -> the next record, and whether to ask for a build (pure).
// image-reconcile.ts saves the record, then asks.
//
// Cloud Build knows no request ids: asking twice builds twice. So a claim names a tag before anybody asks; a build with
// that tag is the claim's, whoever asked for it. Where it is not certain that a call was not taken, nobody asks again
// before the claim's deadline, which is further away than any function may run.
import type { Config } from './config.ts';
import type { BuildClaim, ImageRecord, WantedExtension } from './image-record.ts';
import type { Trouble } from './record.ts';

/** A build as Cloud Build shows it. */
export interface SeenBuild {
  id: string;
  /** Google's word. */
  status: string;
  tags: readonly string[];
  logUrl?: string | undefined;
  startTime?: string | undefined;
  /** Of the gateway image, once it has been pushed. */
  digest?: string | undefined;
  /** Cloud Build's own words on a failure. */
  failureDetail?: string | undefined;
}

export interface ImageObserved {
  /** The claim's build, or the last known one; undefined: there is none. */
  build?: SeenBuild | undefined;
  sourceHash: string;
  /** The last lines of the log of a build that has failed. */
  logLines?: readonly string[] | undefined;
  /** What the call of this claim has just been answered, where it was not taken. */
  callTrouble?: (Trouble & { tag: string; isCertain: boolean }) | undefined;
}

export interface ImagePlan {
  next: ImageRecord;
  /** To be asked for after `next` is saved: `next.claim`. */
  claim?: BuildClaim | undefined;
  /** Of a build that ended well not long ago: whoever asked the registry before that has not seen it. */
  digest?: string | undefined;
}

type BuiltExtension = Omit<WantedExtension, 'text'>;

/** The call of a claim whose answer said that it was not taken is made again after so long. */
const AGAIN_MILLISECONDS = 5_000;

export function planImage(
  record: ImageRecord,
  observed: ImageObserved,
  isThere: boolean,
  now: number,
  config: Pick<Config, 'buildClaimSeconds' | 'callSeconds'>,
): ImagePlan {
  const noted = noteTrouble(record, observed, now);
  const seen = { next: noteBuild(noted, observed, now) };
  const digest = freshDigest(seen.next, now);
  if (digest !== undefined) return { ...seen, digest };
  if (isFreshSuccess(seen.next, now)) return seen;
  if (seen.next.claim) return planClaimed(seen.next, seen.next.claim, now, config);
  const isUnderWay = seen.next.build !== undefined && !isOver(seen.next.build.status);
  if (isUnderWay || isHopeless(seen.next, observed)) return seen;
  if (isThere && !seen.next.isBuildWanted) return seen;
  return planBuild(seen.next, now, config);
}

/** As long as a look at the registry may be older than a look at the record. */
const FRESH_MILLISECONDS = 600_000;

function freshDigest(record: ImageRecord, now: number): string | undefined {
  return isFreshSuccess(record, now) ? record.build?.digest : undefined;
}

/** It may name no digest, and the registry may not show it yet: no reason to build again at once. */
function isFreshSuccess({ build, isBuildWanted }: ImageRecord, now: number): boolean {
  if (isBuildWanted || build?.status !== 'SUCCESS') return false;
  return now - (build.endedAt ?? 0) < FRESH_MILLISECONDS;
}

export function isOver(status: string): boolean {
  return !['PENDING', 'QUEUED', 'WORKING', 'STATUS_UNKNOWN'].includes(status);
}

/** It failed, it is still the same source, and nobody has asked since. */
function isHopeless({ failure, isBuildWanted }: ImageRecord, { sourceHash }: ImageObserved) {
  return failure?.sourceHash === sourceHash && !isBuildWanted;
}

/** Whoever claimed it may be asking. When nobody can be any more, the next one takes it over, under the same tag. */
function planClaimed(
  record: ImageRecord,
  claim: BuildClaim,
  now: number,
  config: Pick<Config, 'buildClaimSeconds' | 'callSeconds'>,
): ImagePlan {
  const isFree = now > claim.deadline || (claim.isUntaken === true && now > claim.callUntil);
  if (!isFree) return { next: record };
  const next = claimOf(claim.tag, now, config);
  return { next: { ...record, claim: next }, claim: next };
}

function planBuild(
  record: ImageRecord,
  now: number,
  config: Pick<Config, 'buildClaimSeconds' | 'callSeconds'>,
): ImagePlan {
  const claim = claimOf(tagOf(record), now, config);
  return { next: { ...record, claim, failure: undefined }, claim };
}

function claimOf(
  tag: string,
  now: number,
  { buildClaimSeconds, callSeconds }: Pick<Config, 'buildClaimSeconds' | 'callSeconds'>,
): BuildClaim {
  const deadline = now + buildClaimSeconds * 1000;
  return { tag, deadline, callUntil: Math.min(deadline, now + callSeconds * 1000) };
}

/** Cloud Build's tags: letters, digits, `_`, `.` and `-`. */
function tagOf({ name, attempt }: ImageRecord): string {
  return `datalab-image-${name.replace(/[^a-zA-Z0-9_.-]/g, '-').slice(-80)}-${attempt}`;
}

function noteTrouble(
  record: ImageRecord,
  { callTrouble, sourceHash }: ImageObserved,
  now: number,
): ImageRecord {
  const { claim } = record;
  if (!claim || callTrouble?.tag !== claim.tag) return record;
  if (!callTrouble.isCertain) return record;
  if (callTrouble.code === 'RESOURCE_EXHAUSTED') {
    return { ...record, claim: { ...claim, isUntaken: true, callUntil: now + AGAIN_MILLISECONDS } };
  }
  const { code, message } = callTrouble;
  const failedHash = record.extension?.hash ?? sourceHash;
  return {
    ...record,
    claim: undefined,
    isBuildWanted: false,
    extension: undefined,
    failure: { sourceHash: failedHash, code, message, at: now },
  };
}

function noteBuild(
  record: ImageRecord,
  { build, sourceHash, logLines = [] }: ImageObserved,
  now: number,
): ImageRecord {
  const { claim } = record;
  if (!build) return withoutLostBuild(record, sourceHash, now);
  const isClaims = claim !== undefined && build.tags.includes(claim.tag);
  if (claim && !isClaims) return record;
  const { id, status, logUrl, startTime, digest } = build;
  const tag = claim?.tag ?? record.build?.tag ?? '';
  const endedAt = isOver(status) ? now : undefined;
  const extension = isClaims ? withoutText(record.extension) : record.build?.extension;
  const known = { id, status, logUrl, startTime, tag, digest, endedAt, extension };
  const taken = isClaims ? takenBy(record) : record;
  const isNews = record.build?.id !== id || record.build.status !== status;
  const next = { ...taken, build: known };
  if (!isNews || !isOver(status)) return next;
  if (status === 'SUCCESS') return { ...next, failure: undefined };
  const failure = {
    sourceHash: extension?.hash ?? sourceHash,
    code: 'FAILED_PRECONDITION' as const,
    message: failureMessage(record.name, build, extension, logLines),
    at: now,
  };
  return { ...next, failure };
}

/** Cloud Build has what was claimed: it need not be asked again. */
function takenBy(record: ImageRecord): ImageRecord {
  const attempt = record.attempt + 1;
  return { ...record, claim: undefined, attempt, isBuildWanted: false, extension: undefined };
}

function withoutText(extension: WantedExtension | undefined): BuiltExtension | undefined {
  if (!extension) return undefined;
  const { kind, hash, base, isOnBase } = extension;
  return { kind, hash, base, isOnBase };
}

/** Cloud Build has forgotten a build that was under way: nothing will come of it. */
function withoutLostBuild(record: ImageRecord, sourceHash: string, now: number): ImageRecord {
  const { build } = record;
  if (record.claim || !build || isOver(build.status)) return record;
  const { extension } = build;
  const message = `Build ${build.id} of image ${record.name} is not known to Cloud Build any more. ${askAgain(extension)}`;
  const failedHash = extension?.hash ?? sourceHash;
  return {
    ...record,
    build: undefined,
    failure: { sourceHash: failedHash, code: 'NOT_FOUND', message, at: now },
  };
}

const MAX_LOG_CHARACTERS = 1500;
const FILES = { requirements: 'requirements file', dockerfile: 'Dockerfile' } as const;

function askAgain(extension: BuiltExtension | undefined): string {
  return extension
    ? `The image is as it was before. Mend the ${FILES[extension.kind]}, then extend it again (POST /v1/image:extend).`
    : 'Ask for a new build (POST /v1/image:build), then start the session again.';
}

function failureMessage(
  name: string,
  build: SeenBuild,
  extension: BuiltExtension | undefined,
  logLines: readonly string[],
): string {
  const { id, status, failureDetail, logUrl } = build;
  const why = failureDetail ? ` (${failureDetail.slice(0, 300)})` : '';
  const log = logLines.join('\n').slice(-MAX_LOG_CHARACTERS);
  return [
    `The build of image ${name} ended with ${status}${why}. ${askAgain(extension)}`,
    ...(log === '' ? [] : [`The last lines of its log:\n${log}`]),
    `All of it: ${logUrl ?? `gcloud builds log ${id}`}`,
  ].join('\n');
}
