// What the emulator is told when it is started. Whoever starts it (the client's commands, tests) reads the
// environment; nothing here does.
import type { Clock } from './clock.ts';
import type { Engine } from './engine/engine.ts';
import type { Log } from './router.ts';
import type { InstanceRuntime } from './runtime/instance-runtime.ts';

/** How long operations take; tests set them to 0. Google's take some ten times as long. */
export interface Durations {
  /** PENDING of every operation. */
  pendingMilliseconds: number;
  insertMilliseconds: number;
  startMilliseconds: number;
  stopMilliseconds: number;
  suspendMilliseconds: number;
  resumeMilliseconds: number;
  resetMilliseconds: number;
  deleteMilliseconds: number;
  /** QUEUED of a build. */
  buildQueueMilliseconds: number;
  /** The least time from the first step of a build to its end. */
  buildMilliseconds: number;
  /** The first pause before an event that was not taken is delivered again; then twice as long each time. */
  eventFirstRetryMilliseconds: number;
  eventLastRetryMilliseconds: number;
  /** After that an event that was not taken is given up. */
  eventRetentionMilliseconds: number;
  /** How long a cut tunnel can be reconnected. */
  tunnelReconnectMilliseconds: number;
  /** How long the emulator waits for its first client. */
  attachMilliseconds: number;
  /** How often the scheduler's job runs; 0: only when somebody asks for it. */
  schedulerMilliseconds: number;
}

export const DURATIONS: Durations = {
  pendingMilliseconds: 100,
  insertMilliseconds: 1500,
  startMilliseconds: 1500,
  stopMilliseconds: 1000,
  suspendMilliseconds: 1000,
  resumeMilliseconds: 1000,
  resetMilliseconds: 500,
  deleteMilliseconds: 1000,
  buildQueueMilliseconds: 500,
  buildMilliseconds: 2000,
  eventFirstRetryMilliseconds: 1000,
  eventLastRetryMilliseconds: 60_000,
  eventRetentionMilliseconds: 86_400_000,
  tunnelReconnectMilliseconds: 30_000,
  attachMilliseconds: 60_000,
  schedulerMilliseconds: 60_000,
};

/** No waiting at all, but for clients; nothing happens by itself. */
export const NO_DURATIONS: Durations = {
  ...DURATIONS,
  pendingMilliseconds: 0,
  insertMilliseconds: 0,
  startMilliseconds: 0,
  stopMilliseconds: 0,
  suspendMilliseconds: 0,
  resumeMilliseconds: 0,
  resetMilliseconds: 0,
  deleteMilliseconds: 0,
  schedulerMilliseconds: 0,
  buildQueueMilliseconds: 0,
  buildMilliseconds: 0,
  eventFirstRetryMilliseconds: 50,
};

export interface EmulatorOptions {
  /** Everything that outlives the emulator; made if it is not there. One emulator at a time. */
  stateDir: string;
  /** The only project there is. */
  project: string;
  /** The zone that the functions use unless told otherwise. */
  zone: string;
  /** The user's PATH: where Jupyter and bash are found. */
  searchPath: string;
  /** The port of the emulated APIs; without it the last one used, or any free one. */
  port?: number;
  /** Stays when the last client has gone, and without any. */
  staysWithoutClients?: boolean;
  /** Counts as a client until it aborts: who started this process, and may be gone before it attaches. */
  spawner?: AbortSignal;
  /** Gives up a start that takes long: with an engine, the first one builds an image. */
  interrupt?: AbortSignal;
  /** The functions' program; `false` runs the Google APIs alone. */
  functions?: FunctionsOptions | false;
  /** Whether the project has a gateway image from the start, as after an earlier build; default: not with an engine. */
  seedGateway?: boolean;
  durations?: Partial<Durations>;
  /** Instances and builds run on it; without one they are processes of this machine. */
  engine?: Engine;
  runtime?: InstanceRuntime;
  clock?: Clock;
  /** The console: one line for each thing that a person may want to know. */
  log?: Log;
}

export interface FunctionsOptions {
  /** Default: functions/index.ts of this repository. */
  source?: string;
  /** Settings of functions/config.ts beyond those that the emulator knows, or in their place. */
  environment?: Readonly<Record<string, string>>;
}

/** Options with everything filled in that has a default. */
export type EmulatorSettings = Required<
  Omit<EmulatorOptions, 'port' | 'durations' | 'spawner' | 'interrupt' | 'engine'>
> & {
  port: number | undefined;
  spawner: AbortSignal | undefined;
  interrupt: AbortSignal | undefined;
  engine: Engine | undefined;
  durations: Durations;
  emulatorId: string;
};
