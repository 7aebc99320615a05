// Does the work of one build: its steps, one after the other, then the pushes of its images. Tells how it ended;
// builds.ts keeps the record.
import { rpcTimestamp, type Clock } from '../clock.ts';
import { stepName, type BuildLog } from './build-log.ts';
import type { Build, Step, TimeSpan } from './state.ts';
import { runStep } from './step-process.ts';
import { secondsOf } from './validation.ts';
import type { Workspace } from './workspace.ts';

/** How a step is made to end, for tests of what follows: instead of running it. */
export interface PlannedEnd {
  step: number;
  exitCode: number;
  lines: readonly string[];
}

export interface WorkOptions {
  build: Build;
  workspace: Workspace;
  log: BuildLog;
  clock: Clock;
  leash: string;
  plannedEnd: PlannedEnd | undefined;
  /** Ends the work. */
  signal: AbortSignal;
}

export type Outcome =
  | { kind: 'success'; images: PushedImage[] }
  | {
      kind: 'failure';
      type: 'USER_BUILD_STEP' | 'PUSH_FAILED' | 'PUSH_IMAGE_NOT_FOUND';
      detail: string;
    }
  | { kind: 'aborted' };

type PushedImage = NonNullable<NonNullable<Build['results']>['images']>[number];

export async function work(options: WorkOptions): Promise<Outcome> {
  const { build, log, clock } = options;
  log.say(`starting build "${build.id}"`);
  log.say('BUILD');
  const building = span(clock);
  for (const index of build.steps.keys()) {
    const failed = await workStep(index, options);
    if (failed) return failed;
  }
  build.timing = { BUILD: building() };
  const { images = [] } = build;
  if (images.length > 0) log.say('PUSH');
  const pushing = span(clock);
  const pushed: PushedImage[] = [];
  for (const image of images) {
    const one = await pushImage(image, options);
    if ('kind' in one) return one;
    pushed.push(one);
  }
  if (images.length > 0) build.timing['PUSH'] = pushing();
  log.say('DONE');
  return { kind: 'success', images: pushed };
}

/** Undefined when the next step may follow. */
async function workStep(index: number, options: WorkOptions): Promise<Outcome | undefined> {
  const { build, log, clock, plannedEnd } = options;
  const step = build.steps[index];
  if (!step) return undefined;
  log.say(`Starting ${stepName(build, index)}`);
  log.ofStep(index, `Already have image (with digest): ${step.name}`);
  const timing = span(clock);
  const isPlanned = plannedEnd?.step === index;
  for (const line of isPlanned ? plannedEnd.lines : []) log.ofStep(index, line);
  const status = isPlanned
    ? plannedEnd.exitCode
    : await runWithin(step, options, (line) => {
        log.ofStep(index, line);
      });
  step.timing = timing();
  if (options.signal.aborted) return { kind: 'aborted' };
  if (status === 0) {
    step.status = 'SUCCESS';
    log.say(`Finished ${stepName(build, index)}`);
    return undefined;
  }
  step.status = status === undefined ? 'TIMEOUT' : 'FAILURE';
  if (status !== undefined) step.exitCode = status;
  const how =
    status === undefined ? 'step timed out' : `step exited with non-zero status: ${status}`;
  const what = `build step ${index} "${step.name}" failed: ${how}`;
  log.say('ERROR');
  log.say(`ERROR: ${what}`);
  return { kind: 'failure', type: 'USER_BUILD_STEP', detail: `Build step failure: ${what}` };
}

/** Within the step's own time limit, if it has one. */
async function runWithin(
  step: Step,
  { workspace, clock, leash, signal }: WorkOptions,
  onLine: (line: string) => void,
): Promise<number | undefined> {
  const limit = new AbortController();
  const cancel =
    step.timeout === undefined
      ? () => undefined
      : clock.after(secondsOf(step.timeout) * 1000, () => {
          limit.abort();
        });
  try {
    return await runStep({
      words: workspace.wordsOf(step),
      cwd: workspace.folderOf(step),
      env: workspace.environmentOf(step),
      leash,
      onLine,
      signal: AbortSignal.any([signal, limit.signal]),
    });
  } finally {
    cancel();
  }
}

/** Cloud Build's own step at the end: docker push, whose output says the digest. */
async function pushImage(image: string, options: WorkOptions): Promise<PushedImage | Outcome> {
  const { log, clock } = options;
  log.say(`Pushing ${image}`);
  const timing = span(clock);
  const lines: string[] = [];
  const step = { name: 'gcr.io/cloud-builders/docker', args: ['push', image] };
  const status = await runWithin(step, options, (line) => {
    lines.push(line);
    log.say(line);
  });
  if (options.signal.aborted) return { kind: 'aborted' };
  const digest = lines
    .map((line) => /^\S+: digest: (sha256:[0-9a-f]{64}) size: \d+$/.exec(line)?.[1])
    .find((found) => found !== undefined);
  if (status === 0 && digest !== undefined) return { name: image, digest, pushTiming: timing() };
  const isMissing = lines.some((line) => line.includes('does not exist locally'));
  const why = isMissing ? 'could not find the image' : 'retry budget exhausted (1 attempts)';
  const detail = `failed to push image ${image}: ${why}: ${lines.at(-1) ?? 'no output'}`;
  log.say('ERROR');
  log.say(`ERROR: ${detail}`);
  const type = isMissing ? 'PUSH_IMAGE_NOT_FOUND' : 'PUSH_FAILED';
  return { kind: 'failure', type, detail: `Build failed: ${detail}` };
}

/** Begins now; ends when it is asked. */
function span(clock: Clock): () => TimeSpan {
  const startTime = rpcTimestamp(clock.now());
  return () => ({ startTime, endTime: rpcTimestamp(clock.now()) });
}
