// Builds and what becomes of them: QUEUED, WORKING, one end. Every change of status is saved, then published, as
// Cloud Build does; worker.ts does the work.
import { randomUUID } from 'node:crypto';
import { rpcTimestamp, type Clock } from '../clock.ts';
import { rpcError } from '../google-error.ts';
import type { LogEntries } from '../logging/entries.ts';
import type { Durations } from '../options.ts';
import type { Pubsub } from '../pubsub/pubsub.ts';
import type { Log } from '../router.ts';
import { openBuildLog, type BuildLog } from './build-log.ts';
import type { BuildRequest } from './requests.ts';
import { isFinished, type Build, type BuildStatus, type CloudBuildState } from './state.ts';
import { buildOf, secondsOf } from './validation.ts';
import { work, type Outcome, type PlannedEnd } from './worker.ts';
import { openWorkspace, removeWorkspaces, type WorkspaceOptions } from './workspace.ts';

export interface BuildsOptions extends WorkspaceOptions {
  state: CloudBuildState;
  project: { id: string; number: string };
  emulatorId: string;
  clock: Clock;
  durations: Pick<Durations, 'buildQueueMilliseconds' | 'buildMilliseconds'>;
  entries: LogEntries;
  pubsub: Pubsub;
  log: Log;
}

/** Why a build's work ends before its end. */
type Reason = 'TIMEOUT' | 'CANCELLED' | 'power cut';

export class Builds {
  readonly #options: BuildsOptions;
  readonly #running = new Map<string, { abort: AbortController; done: Promise<void> }>();
  #planned: PlannedEnd | undefined;
  #isCut = false;

  constructor(options: BuildsOptions) {
    this.#options = options;
  }

  create(request: BuildRequest): Build {
    const { state, project, clock, pubsub } = this.#options;
    const build = buildOf(request, {
      id: randomUUID(),
      createTime: rpcTimestamp(clock.now()),
      project,
      hasTopic: (topic) => pubsub.hasTopic(topic),
    });
    state.value.builds.push(build);
    this.#changed(build);
    this.#start(build, this.#planned);
    this.#planned = undefined;
    return build;
  }

  cancel(build: Build): void {
    if (isFinished(build)) {
      const why = `build "${build.id}" is not in progress: its status is ${build.status}`;
      throw rpcError('FAILED_PRECONDITION', why);
    }
    this.#abort(build, 'CANCELLED');
  }

  /** How a step of the next build ends. */
  plan(end: PlannedEnd): void {
    this.#planned = end;
  }

  /** After a power cut: queued builds begin, those that ran are lost. */
  recover(): void {
    const { state, stateDir, entries } = this.#options;
    removeWorkspaces(stateDir);
    for (const build of state.value.builds) {
      if (build.status === 'QUEUED') this.#start(build, undefined);
      if (build.status !== 'WORKING') continue;
      openBuildLog(build, entries).say('ERROR: the worker of this build was lost');
      this.#finish(build, 'INTERNAL_ERROR', 'Build failed: the worker of the build was lost');
    }
  }

  /** Every process of every build ends at once; nothing is recorded, as when the power fails. */
  async cutPower(): Promise<void> {
    this.#isCut = true;
    const running = [...this.#running.values()];
    for (const { abort } of running) abort.abort('power cut' satisfies Reason);
    await Promise.all(running.map(({ done }) => done));
  }

  #start(build: Build, planned: PlannedEnd | undefined): void {
    const abort = new AbortController();
    const done = this.#run(build, planned, abort.signal)
      .catch((error: unknown) => {
        this.#options.log(`build ${build.id}: ${String(error)}`);
        this.#finish(
          build,
          'INTERNAL_ERROR',
          'Build failed: an error of the emulator; see its log',
        );
      })
      .finally(() => this.#running.delete(build.id));
    this.#running.set(build.id, { abort, done });
  }

  #abort(build: Build, reason: Exclude<Reason, 'power cut'>): void {
    this.#finish(build, reason, undefined);
    this.#running.get(build.id)?.abort.abort(reason);
  }

  async #run(build: Build, plannedEnd: PlannedEnd | undefined, signal: AbortSignal): Promise<void> {
    const { clock, durations, entries, emulatorId } = this.#options;
    await wait(clock, durations.buildQueueMilliseconds, signal);
    if (signal.aborted) return;
    build.status = 'WORKING';
    build.startTime = rpcTimestamp(clock.now());
    this.#changed(build);
    const cancelLimit = clock.after(secondsOf(build.timeout) * 1000, () => {
      this.#abort(build, 'TIMEOUT');
    });
    const leastTime = wait(clock, durations.buildMilliseconds, signal);
    const log = openBuildLog(build, entries);
    const workspace = openWorkspace(build, this.#options);
    try {
      const leash = `${emulatorId}/build-${build.id}`;
      const outcome = await work({ build, workspace, log, clock, leash, plannedEnd, signal });
      await leastTime;
      this.#conclude(build, outcome, log, signal);
    } finally {
      cancelLimit();
      workspace.remove();
    }
  }

  #conclude(build: Build, outcome: Outcome, log: BuildLog, signal: AbortSignal): void {
    if (signal.aborted || outcome.kind === 'aborted') {
      if (signal.reason === 'TIMEOUT') log.say('TIMEOUT');
      if (signal.reason === 'TIMEOUT') log.say('ERROR: context deadline exceeded');
      if (signal.reason === 'CANCELLED') log.say('CANCELLED');
    } else if (outcome.kind === 'failure') {
      build.failureInfo = { type: outcome.type, detail: outcome.detail };
      this.#finish(build, 'FAILURE', outcome.detail);
    } else {
      build.results = {
        ...(outcome.images.length > 0 ? { images: outcome.images } : {}),
        buildStepImages: build.steps.map(() => ''),
        buildStepOutputs: build.steps.map(() => ''),
      };
      this.#finish(build, 'SUCCESS', undefined);
    }
  }

  #finish(build: Build, status: BuildStatus, detail: string | undefined): void {
    if (isFinished(build) || this.#isCut) return;
    build.status = status;
    if (detail !== undefined) build.statusDetail = detail;
    build.finishTime = rpcTimestamp(this.#options.clock.now());
    this.#changed(build);
    this.#options.log(`build ${build.id} ended: ${status}${detail ? ` (${detail})` : ''}`);
  }

  /** Said to the topic that the build names; cloud-builds is the one that Google takes if it names none. */
  #changed(build: Build): void {
    const { state, pubsub, project } = this.#options;
    state.save();
    const topic = build.options.pubsubTopic ?? `projects/${project.id}/topics/cloud-builds`;
    if (!pubsub.hasTopic(topic)) return;
    const attributes = { buildId: build.id, status: build.status };
    pubsub.publish(topic, Buffer.from(JSON.stringify(build)), attributes);
  }
}

function wait(clock: Clock, milliseconds: number, signal: AbortSignal): Promise<void> {
  if (milliseconds <= 0 || signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = () => {
      cancel();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const cancel = clock.after(milliseconds, end);
    signal.addEventListener('abort', end);
  });
}
