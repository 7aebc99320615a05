// The record of an image that Cloud Build makes for us, as it is stored. image-plan.ts changes it.
import { z } from 'zod';
import { ERROR_CODES, EXTENSION_KINDS } from './contract.ts';

/** Saved before a build is asked for: Cloud Build has no request ids, so nobody else asks before the deadline. */
const buildClaim = z.object({
  /** Unique to image and attempt: how a build whose answer was lost is found. */
  tag: z.string(),
  /** Ms since the epoch; the call begins before it. */
  deadline: z.number(),
  /** Until here somebody may be waiting for Cloud Build's answer. */
  callUntil: z.number(),
  /** The last call was answered that it was not taken: after `callUntil` it may be made again. */
  isUntaken: z.boolean().optional(),
});
export type BuildClaim = z.infer<typeof buildClaim>;

const extensionSource = z.object({
  kind: z.enum(EXTENSION_KINDS),
  /** Of kind and text. */
  hash: z.string(),
  /** The image that it extends, pinned: the same one however often the build has to be asked for. */
  base: z.string(),
  /** The image that comes of it begins with `base`. */
  isOnBase: z.boolean(),
});
const wantedExtension = extensionSource.extend({ text: z.string() });
export type WantedExtension = z.infer<typeof wantedExtension>;

export const imageRecord = z.object({
  /** With its tag. */
  name: z.string(),
  /** For the conditional save; the store's own. */
  version: z.string(),
  /** Counts builds; the next one's. */
  attempt: z.int(),
  claim: buildClaim.optional(),
  /** The build under way, or the last one. */
  build: z
    .object({
      id: z.string(),
      tag: z.string(),
      /** Cloud Build's word. */
      status: z.string(),
      logUrl: z.string().optional(),
      startTime: z.string().optional(),
      /** Of the image that it has pushed. */
      digest: z.string().optional(),
      /** When its end was seen; ms since the epoch. */
      endedAt: z.number().optional(),
      /** What it extends the image with; absent: it builds the plain one. */
      extension: extensionSource.optional(),
    })
    .optional(),
  /** Of the last build; nobody builds the same source again until somebody asks. */
  failure: z
    .object({
      /** Of the extension, where it was one. */
      sourceHash: z.string(),
      code: z.enum(ERROR_CODES),
      message: z.string(),
      at: z.number(),
    })
    .optional(),
  /** Somebody has asked for a build, whether or not there is an image. */
  isBuildWanted: z.boolean(),
  /** Of the build that is wanted or claimed; with its text until Cloud Build has it, since it may have to ask again. */
  extension: wantedExtension.optional(),
});
export type ImageRecord = z.infer<typeof imageRecord>;

/** What is built, or about to be: the hash of an extension; undefined: the plain image. */
export function extensionUnderWay(record: ImageRecord): string | undefined {
  return isAhead(record) ? record.extension?.hash : record.build?.extension?.hash;
}

/** Cloud Build does not have it yet, as far as we have seen. */
export function isAhead({ claim, isBuildWanted }: ImageRecord): boolean {
  return claim !== undefined || isBuildWanted;
}

export function newImageRecord(name: string): ImageRecord {
  return { name, version: '', attempt: 1, isBuildWanted: false };
}
