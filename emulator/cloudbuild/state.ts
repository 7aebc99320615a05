// Cloud Build's memory: builds, as the API shows them. One file in the state folder.
import path from 'node:path';
import { z } from 'zod';
import { openStateFile, type StateFile } from '../state.ts';

export const BUILD_STATUSES = [
  'QUEUED',
  'WORKING',
  'SUCCESS',
  'FAILURE',
  'INTERNAL_ERROR',
  'TIMEOUT',
  'CANCELLED',
] as const;
export type BuildStatus = (typeof BUILD_STATUSES)[number];

const timeSpan = z.object({ startTime: z.string(), endTime: z.string().optional() });
export type TimeSpan = z.infer<typeof timeSpan>;

const step = z.object({
  name: z.string(),
  id: z.string().optional(),
  entrypoint: z.string().optional(),
  args: z.array(z.string()).optional(),
  env: z.array(z.string()).optional(),
  dir: z.string().optional(),
  timeout: z.string().optional(),
  status: z.enum(BUILD_STATUSES).optional(),
  timing: timeSpan.optional(),
  exitCode: z.int().optional(),
});
export type Step = z.infer<typeof step>;

const build = z.object({
  id: z.string(),
  name: z.string(),
  projectId: z.string(),
  status: z.enum(BUILD_STATUSES),
  statusDetail: z.string().optional(),
  failureInfo: z.object({ type: z.string(), detail: z.string() }).optional(),
  steps: z.array(step),
  images: z.array(z.string()).optional(),
  artifacts: z.object({ images: z.array(z.string()) }).optional(),
  tags: z.array(z.string()).optional(),
  substitutions: z.record(z.string(), z.string()).optional(),
  options: z.looseObject({
    env: z.array(z.string()).optional(),
    logging: z.string(),
    pubsubTopic: z.string().optional(),
  }),
  serviceAccount: z.string(),
  timeout: z.string(),
  queueTtl: z.string(),
  logUrl: z.string(),
  createTime: z.string(),
  startTime: z.string().optional(),
  finishTime: z.string().optional(),
  timing: z.record(z.string(), timeSpan).optional(),
  results: z
    .object({
      images: z
        .array(z.object({ name: z.string(), digest: z.string(), pushTiming: timeSpan }))
        .optional(),
      buildStepImages: z.array(z.string()),
      buildStepOutputs: z.array(z.string()),
    })
    .optional(),
});
export type Build = z.infer<typeof build>;

const cloudBuildRecord = z.object({
  /** Oldest first. */
  builds: z.array(build),
});
export type CloudBuildState = StateFile<z.infer<typeof cloudBuildRecord>>;

export function openCloudBuildState(stateDir: string): CloudBuildState {
  return openStateFile(path.join(stateDir, 'cloudbuild.json'), cloudBuildRecord, () => ({
    builds: [],
  }));
}

export function isFinished({ status }: Build): boolean {
  return status !== 'QUEUED' && status !== 'WORKING';
}
