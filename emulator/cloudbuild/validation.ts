// Checks of a build's values, with Google's words for what is wrong with them as far as they are known, and the
// build that comes of a request. https://cloud.google.com/build/quotas
import { notEmulated, rpcError, type GoogleError } from '../google-error.ts';
import type { BuildRequest } from './requests.ts';
import type { Build, Step } from './state.ts';
import { createSubstitutions } from './substitutions.ts';

export interface Surroundings {
  id: string;
  createTime: string;
  project: { id: string; number: string };
  hasTopic: (topic: string) => boolean;
}

const MAX_STEPS = 300;
const MAX_ARGS = 100;
const MAX_ARG = 10_000;
const MAX_TIMEOUT_SECONDS = 86_400;
const DEFAULT_TIMEOUT = '3600s';
const TAG = /^\w[\w.-]{0,127}$/;
const IMAGE = /^[a-z0-9.-]+(\/[a-z0-9._-]+)+(:[\w][\w.-]{0,127})?$/;
const TOPIC = /^projects\/([a-z0-9-]+)\/topics\/[A-Za-z][\w.~+%-]{2,254}$/;
/** Builders whose programs this machine has, and what runs in them unless told otherwise. */
export const BUILDERS: Readonly<Record<string, string>> = {
  'gcr.io/cloud-builders/docker': 'docker',
  bash: 'bash',
};

/** @throws GoogleError for what Google would refuse. */
export function buildOf(request: BuildRequest, surroundings: Surroundings): Build {
  const { id, createTime, project } = surroundings;
  const { options = {} } = request;
  const substitutions = createSubstitutions({
    builtIn: {
      PROJECT_ID: project.id,
      PROJECT_NUMBER: project.number,
      BUILD_ID: id,
      LOCATION: 'global',
    },
    given: request.substitutions ?? {},
    isDynamic: options.dynamicSubstitutions === true,
    isLoose: options.substitutionOption === 'ALLOW_LOOSE',
  });
  const { apply } = substitutions;
  const steps = (request.steps ?? []).map((step) => substituted(step, apply));
  const images = (request.images ?? []).map(apply);
  const tags = (request.tags ?? []).map(apply);
  const env = options.env?.map(apply);
  substitutions.check();
  checkSteps(steps);
  for (const image of images) checkImage(image);
  for (const tag of tags) checkTag(tag);
  checkLogging(request);
  if (options.pubsubTopic !== undefined) checkTopic(options.pubsubTopic, surroundings);
  return {
    id,
    name: `projects/${project.number}/locations/global/builds/${id}`,
    projectId: project.id,
    status: 'QUEUED',
    steps,
    ...(images.length > 0 ? { images, artifacts: { images } } : {}),
    ...(tags.length > 0 ? { tags } : {}),
    ...(request.substitutions ? { substitutions: { ...substitutions.values } } : {}),
    options: {
      ...options,
      logging: options.logging ?? 'LEGACY',
      ...(env ? { env } : {}),
      pool: {},
    },
    serviceAccount:
      request.serviceAccount ??
      `projects/${project.id}/serviceAccounts/${project.number}@cloudbuild.gserviceaccount.com`,
    timeout: checkedTimeout('timeout', request.timeout ?? DEFAULT_TIMEOUT),
    queueTtl: checkedTimeout('queue_ttl', request.queueTtl ?? DEFAULT_TIMEOUT),
    logUrl: `https://console.cloud.google.com/cloud-build/builds/${id}?project=${project.number}`,
    createTime,
  };
}

type StepRequest = NonNullable<BuildRequest['steps']>[number];

function substituted(step: StepRequest, apply: (template: string) => string): Step {
  const { name = '', id, entrypoint, args, env, dir, timeout } = step;
  return {
    name: apply(name),
    ...(id === undefined ? {} : { id: apply(id) }),
    ...(entrypoint === undefined ? {} : { entrypoint: apply(entrypoint) }),
    ...(args === undefined ? {} : { args: args.map(apply) }),
    ...(env === undefined ? {} : { env: env.map(apply) }),
    ...(dir === undefined ? {} : { dir: apply(dir) }),
    ...(timeout === undefined ? {} : { timeout: checkedTimeout('steps', timeout) }),
  };
}

function checkSteps(steps: readonly Step[]): void {
  if (steps.length === 0) throw invalid('steps', 'no build steps are specified');
  if (steps.length > MAX_STEPS) {
    throw invalid('steps', `cannot specify more than ${MAX_STEPS} build steps`);
  }
  const ids = new Set<string>();
  for (const [index, step] of steps.entries()) {
    checkStep(step, `build step ${index}`);
    if (step.id === undefined) continue;
    if (ids.has(step.id))
      throw invalid('steps', `build step ${index} id "${step.id}" is not unique`);
    ids.add(step.id);
  }
}

function checkStep({ name, args = [], env = [], dir = '' }: Step, what: string): void {
  if (name === '') throw invalid('steps', `${what} must specify name`);
  if (BUILDERS[name.replace(/:latest$/, '')] === undefined) throw notEmulated(`builder '${name}'`);
  if (args.length > MAX_ARGS) throw invalid('steps', `${what} too many args (max: ${MAX_ARGS})`);
  const long = args.findIndex((arg) => arg.length > MAX_ARG);
  if (long !== -1) throw invalid('steps', `${what} arg ${long} too long (max: ${MAX_ARG})`);
  const odd = env.find((entry) => !/^[^=\s]+=/.test(entry));
  if (odd !== undefined) {
    throw invalid('steps', `${what} env entry "${odd}" must be of the form "KEY=VALUE"`);
  }
  if (dir.startsWith('/')) throw notEmulated(`an absolute dir ('${dir}')`);
  if (dir.split('/').includes('..'))
    throw invalid('steps', `${what} dir "${dir}" leaves the workspace`);
}

function checkImage(image: string): void {
  if (!IMAGE.test(image)) throw invalid('images', `invalid image name "${image}"`);
}

function checkTag(tag: string): void {
  if (TAG.test(tag)) return;
  throw invalid('tags', `invalid build tag "${tag}": must match format "${TAG.source}"`);
}

/** Of the emulated ones, only Cloud Logging is a place for logs. */
function checkLogging({ serviceAccount, options: { logging } = {} }: BuildRequest): void {
  if (logging === 'CLOUD_LOGGING_ONLY' || logging === 'NONE') return;
  if (serviceAccount !== undefined) {
    throw rpcError(
      'INVALID_ARGUMENT',
      "if 'build.service_account' is specified, the build must either (a) specify 'build.logs_bucket', " +
        '(b) use the REGIONAL_USER_OWNED_BUCKET build.options.default_logs_bucket_behavior option, or ' +
        '(c) use either CLOUD_LOGGING_ONLY / NONE logging options',
    );
  }
  throw notEmulated('logs in Cloud Storage (set options.logging to CLOUD_LOGGING_ONLY)');
}

function checkTopic(topic: string, { project, hasTopic }: Surroundings): void {
  const owner = TOPIC.exec(topic)?.[1];
  if (owner === undefined) throw invalid('options', `invalid pubsub topic "${topic}"`);
  if (owner === project.id && hasTopic(topic)) return;
  throw invalid('options', `pubsub topic "${topic}" does not exist or may not be published to`);
}

function checkedTimeout(field: string, duration: string): string {
  const seconds = secondsOf(duration);
  if (seconds > 0 && seconds <= MAX_TIMEOUT_SECONDS) return duration;
  throw invalid(field, `invalid duration "${duration}" (max: ${MAX_TIMEOUT_SECONDS}s)`);
}

/** NaN for what is no duration. */
export function secondsOf(duration: string): number {
  return /^\d+(\.\d{1,9})?s$/.test(duration) ? Number(duration.slice(0, -1)) : Number.NaN;
}

function invalid(field: string, why: string): GoogleError {
  return rpcError('INVALID_ARGUMENT', `invalid build: invalid .${field} field: ${why}`);
}
