// What Cloud Build takes as a build; what Google has and the emulator has not is refused as such. Values are checked
// in validation.ts.
import { z } from 'zod';

const outputOnly = z.unknown().optional();
const texts = z.array(z.string()).optional();
/** Google's own client sends what was not given as empty. */
const empty = z.union([z.array(z.never()), z.strictObject({})]).optional();
const no = z.literal(false).optional();

/** An enum, by name or, as Google's generated clients send it, by number. */
function choice<const T extends Readonly<Record<string, number>>>(values: T) {
  const byNumber = new Map(Object.entries(values).map(([name, number]) => [number, name]));
  return z
    .preprocess(
      (value) => (typeof value === 'number' ? byNumber.get(value) : value),
      z.enum(Object.keys(values) as [keyof T & string]),
    )
    .optional();
}

export const LOGGING = {
  LOGGING_UNSPECIFIED: 0,
  LEGACY: 1,
  GCS_ONLY: 2,
  STACKDRIVER_ONLY: 3,
  NONE: 4,
  CLOUD_LOGGING_ONLY: 5,
} as const;
export const SUBSTITUTION_OPTION = { MUST_MATCH: 0, ALLOW_LOOSE: 1 } as const;
export const MACHINE_TYPE = {
  UNSPECIFIED: 0,
  N1_HIGHCPU_8: 1,
  N1_HIGHCPU_32: 2,
  E2_HIGHCPU_8: 5,
  E2_HIGHCPU_32: 6,
  E2_MEDIUM: 7,
} as const;

const stepRequest = z.strictObject({
  name: z.string().optional(),
  id: z.string().optional(),
  entrypoint: z.string().optional(),
  args: texts,
  env: texts,
  dir: z.string().optional(),
  timeout: z.string().optional(),
  status: outputOnly,
  timing: outputOnly,
  pullTiming: outputOnly,
  exitCode: outputOnly,
  waitFor: empty,
  secretEnv: empty,
  volumes: empty,
  allowExitCodes: empty,
  allowFailure: no,
});

export const buildRequest = z.strictObject({
  steps: z.array(stepRequest).optional(),
  images: texts,
  tags: texts,
  timeout: z.string().optional(),
  queueTtl: z.string().optional(),
  substitutions: z.record(z.string(), z.string()).optional(),
  serviceAccount: z.string().optional(),
  options: z
    .strictObject({
      logging: choice(LOGGING),
      pubsubTopic: z.string().optional(),
      dynamicSubstitutions: z.boolean().optional(),
      substitutionOption: choice(SUBSTITUTION_OPTION),
      machineType: choice(MACHINE_TYPE),
      env: texts,
      secretEnv: empty,
      volumes: empty,
      sourceProvenanceHash: empty,
    })
    .optional(),
  id: outputOnly,
  name: outputOnly,
  projectId: outputOnly,
  status: outputOnly,
  statusDetail: outputOnly,
  createTime: outputOnly,
  startTime: outputOnly,
  finishTime: outputOnly,
  results: outputOnly,
  timing: outputOnly,
  logUrl: outputOnly,
  failureInfo: outputOnly,
  warnings: outputOnly,
  secrets: empty,
  dependencies: empty,
});
export type BuildRequest = z.infer<typeof buildRequest>;

/** Google's fields that the emulator does not act on, at the places where it knows others. */
export const NOT_EMULATED: ReadonlySet<string> = new Set(
  (
    'source artifacts availableSecrets secrets dependencies gitConfig logsBucket script waitFor volumes secretEnv ' +
    'allowFailure allowExitCodes automapSubstitutions pool workerPool diskSizeGb cluster anthosCluster ' +
    'defaultLogsBucketBehavior logStreamingOption requestedVerifyOption sourceProvenanceHash dockerDaemon ' +
    'enableStructuredLogging'
  ).split(' '),
);
