// Builds and their operations as the API shows them; enums by number for clients that ask so, as Google's
// generated ones do ($alt=json;enum-encoding=int).
import type { Call } from '../router.ts';
import { LOGGING, MACHINE_TYPE, SUBSTITUTION_OPTION } from './requests.ts';
import { isFinished, type Build, type BuildStatus } from './state.ts';

const STATUS: Readonly<Record<BuildStatus, number>> = {
  QUEUED: 1,
  WORKING: 2,
  SUCCESS: 3,
  FAILURE: 4,
  INTERNAL_ERROR: 5,
  TIMEOUT: 6,
  CANCELLED: 7,
};
const FAILURE_TYPE: Readonly<Record<string, number>> = {
  PUSH_FAILED: 1,
  PUSH_IMAGE_NOT_FOUND: 2,
  USER_BUILD_STEP: 5,
};
/** google.rpc.Code of builds that did not succeed. */
const ERROR_CODE: Readonly<Partial<Record<BuildStatus, number>>> = {
  FAILURE: 2,
  INTERNAL_ERROR: 13,
  TIMEOUT: 4,
  CANCELLED: 1,
};
const TYPES = 'type.googleapis.com/google.devtools.cloudbuild.v1';

/** As it is now: the answer is written later, when the build may have gone on. */
export function shownBuild(live: Build, { query }: Call): object {
  const build = structuredClone(live);
  if (!(query.get('$alt') ?? '').includes('enum-encoding=int')) return build;
  const { steps, failureInfo, options } = build;
  const number = (values: Readonly<Record<string, number>>, name: unknown) =>
    typeof name === 'string' ? values[name] : undefined;
  return {
    ...build,
    status: STATUS[build.status],
    steps: steps.map((step) => ({ ...step, status: number(STATUS, step.status) })),
    options: {
      ...options,
      logging: number(LOGGING, options.logging),
      substitutionOption: number(SUBSTITUTION_OPTION, options['substitutionOption']),
      machineType: number(MACHINE_TYPE, options['machineType']),
    },
    ...(failureInfo
      ? { failureInfo: { ...failureInfo, type: number(FAILURE_TYPE, failureInfo.type) } }
      : {}),
  };
}

/** The long-running operation that a build is to its creator. */
export function shownOperation(build: Build, call: Call): object {
  const shown = shownBuild(build, call);
  const id = Buffer.from(build.id).toString('base64');
  const code = ERROR_CODE[build.status];
  const message = build.statusDetail ?? `Build ended with status ${build.status}`;
  return {
    name: `operations/build/${build.projectId}/${id}`,
    metadata: { '@type': `${TYPES}.BuildOperationMetadata`, build: shown },
    ...(isFinished(build) ? { done: true } : {}),
    ...(code === undefined ? {} : { error: { code, message } }),
    ...(build.status === 'SUCCESS' ? { response: { '@type': `${TYPES}.Build`, ...shown } } : {}),
  };
}
