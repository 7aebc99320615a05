// The emulator, put together: the emulated Google APIs on one port, the instances' machines, the functions as
// a program. Called by the client's commands and by tests: starts here, ends here.
import { createHash } from 'node:crypto';
import { mkdirSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { Doorkeeper } from './attach.ts';
import type { ReadyEvent } from './attachment.ts';
import { systemClock } from './clock.ts';
import { functionsEnvironment } from './functions-environment.ts';
import type { FunctionsProgram } from './functions-program.ts';
import {
  chooseFunctionPorts,
  functionsLog,
  functionUrlsOf,
  startFunctions,
  type FunctionPorts,
} from './functions-programs.ts';
import { openGoogle, type Google } from './google.ts';
import { EXTENSION, INSTALLATION } from './installed.ts';
import { DURATIONS, type EmulatorOptions, type EmulatorSettings } from './options.ts';
import { installAgentImage, LOCAL_AGENT_IMAGE } from './engine/agent-image.ts';
import { createEngineDocker } from './engine/engine-docker.ts';
import { removeFormerNames } from './engine/former-names.ts';
import { createProcessDocker } from './runtime/process-docker.ts';
import { createScriptRuntime } from './runtime/script-runtime.ts';
import { openSettings, type Settings } from './settings.ts';
import type { StateFile } from './state.ts';

/** Whoever loads this part has from here what it takes and throws. */
export { EmulatorRunningError } from './attach.ts';
export { EngineError, openEngine } from './engine/engine.ts';

export interface Emulator {
  /** What is printed when it is ready. */
  readonly ready: ReadyEvent;
  /** Settles when it has ended, whoever asked for that. */
  readonly ended: Promise<void>;
  /** A power cut for the instances; returns when every process is gone and the state folder is free. */
  end(): Promise<void>;
}

/**
 * @throws EmulatorRunningError when another one has the state folder; EngineError; AbortError when the start was given up:
 * by `interrupt`, or since nobody waits for it any more
 */
export async function runEmulator(given: EmulatorOptions): Promise<Emulator> {
  const abandoned = new AbortController();
  const options = fillIn({ ...given, interrupt: anyOf(given.interrupt, abandoned.signal) });
  const ended = Promise.withResolvers<undefined>();
  let starting: Promise<Running> | undefined;
  let ending: Promise<void> | undefined;
  const end = () => (ending ??= finish());
  const doorkeeper = await Doorkeeper.lock({
    stateDir: options.stateDir,
    clock: options.clock,
    endsWithoutClients: !options.staysWithoutClients,
    spawner: options.spawner,
    attachMilliseconds: options.durations.attachMilliseconds,
    onAlone: () => {
      options.log('nobody uses the emulator any more; it ends');
      void end();
    },
    onAbandoned: () => {
      options.log('nobody waits for the emulator any more; it ends');
      abandoned.abort();
    },
  });
  async function finish(): Promise<void> {
    doorkeeper.startEnding();
    try {
      await (await starting)?.stop();
    } catch (error) {
      options.log(`not everything could be ended in order: ${String(error)}`);
    }
    await doorkeeper.release();
    ended.resolve(undefined);
  }
  try {
    starting = start(options, () => doorkeeper.clients, end);
    const { ready } = await starting;
    doorkeeper.announce(ready);
    return { ready, ended: ended.promise, end };
  } catch (error) {
    const reason = error instanceof Error ? error : new Error(String(error));
    // Who comes at that very moment is told nothing, and starts one of their own.
    await doorkeeper.release(abandoned.signal.aborted ? undefined : reason);
    throw error;
  }
}

function anyOf(interrupt: AbortSignal | undefined, abandoned: AbortSignal): AbortSignal {
  return interrupt ? AbortSignal.any([interrupt, abandoned]) : abandoned;
}

function fillIn(given: EmulatorOptions): EmulatorSettings {
  mkdirSync(given.stateDir, { recursive: true, mode: 0o700 });
  const stateDir = realpathSync(given.stateDir);
  const emulatorId = createHash('sha256').update(stateDir).digest('hex').slice(0, 16);
  const { searchPath } = given;
  const { engine } = given;
  const docker = engine
    ? createEngineDocker({ engine, emulatorId, cleaner: LOCAL_AGENT_IMAGE })
    : createProcessDocker(path.join(INSTALLATION, 'agent', `bin${EXTENSION}`));
  return {
    port: undefined,
    spawner: undefined,
    interrupt: undefined,
    engine: undefined,
    staysWithoutClients: false,
    functions: {},
    seedGateway: engine === undefined,
    clock: systemClock,
    log: () => undefined,
    ...given,
    stateDir,
    emulatorId,
    durations: { ...DURATIONS, ...given.durations },
    runtime: given.runtime ?? createScriptRuntime({ emulatorId, docker, searchPath }),
  };
}

interface Running {
  ready: ReadyEvent;
  stop(): Promise<void>;
}

async function start(
  options: EmulatorSettings,
  countClients: () => number,
  end: () => Promise<void>,
): Promise<Running> {
  const { stateDir, project, zone } = options;
  const settings = openSettings(stateDir, project);
  // Before anything listens: what an earlier emulator left may hold addresses.
  await options.runtime.sweep();
  const ports = options.functions === false ? NO_PORTS : await choosePorts(settings.value);
  const functionUrls = functionUrlsOf(ports);
  let functions: FunctionsProgram | undefined;
  const google = await openGoogle({
    options,
    settings,
    repositoryRoot: INSTALLATION,
    functionUrls,
    info: () => ({
      clients: countClients(),
      functionsLog: functions && functionsLog(stateDir, 'api'),
    }),
    end: () => void end(),
  });
  try {
    if (options.engine) rememberPort(settings.value, google.port);
    settings.value.port = google.port;
    settings.value.functionsPort = ports.api;
    settings.value.onBuildFinishedPort = ports.onBuildFinished;
    settings.value.reapIdlePort = ports.reapIdle;
    settings.save();
    if (options.engine) {
      const { engine, log, interrupt: signal } = options;
      const { url: registryUrl, deployerToken: accessToken } = google;
      const registry = { project, registryUrl, accessToken };
      await installAgentImage({ ...registry, engine, stateDir, log, signal });
      const { formerPorts: ports = [] } = settings.value;
      const isKnown = (digest: string) => google.hasImage(digest);
      settings.value.formerPorts = await removeFormerNames({ engine, project, ports, isKnown });
      settings.save();
    }
    if (options.functions !== false) subscribeToBuilds(google, project);
    google.recover();
    functions = await openFunctions(options, settings, google, ports);
    if (functions) google.startScheduler();
  } catch (error) {
    await google.close();
    throw error;
  }
  return {
    ready: { event: 'ready', project, zone, credentials: google.credentials, urls: google.urls },
    stop: async () => {
      await Promise.all([functions?.end(), google.close()]);
    },
  };
}

/** Images on the engine keep the name that they got under it. */
function rememberPort(settings: Settings, port: number): void {
  const ports = new Set([
    ...(settings.formerPorts ?? []),
    ...(settings.port ? [settings.port] : []),
  ]);
  settings.formerPorts = [...ports].filter((former) => former !== port);
}

/** As the trigger of the installed function would. */
function subscribeToBuilds({ pubsub, urls }: Google, project: string): void {
  pubsub.subscribe(`projects/${project}/topics/cloud-builds`, urls.onBuildFinished);
}

const NO_PORTS: FunctionPorts = { api: 0, onBuildFinished: 0, reapIdle: 0 };

function choosePorts({ functionsPort, onBuildFinishedPort, reapIdlePort }: Settings) {
  return chooseFunctionPorts({
    ...(functionsPort ? { api: functionsPort } : {}),
    ...(onBuildFinishedPort ? { onBuildFinished: onBuildFinishedPort } : {}),
    ...(reapIdlePort ? { reapIdle: reapIdlePort } : {}),
  });
}

async function openFunctions(
  options: EmulatorSettings,
  { value: settings }: StateFile<Settings>,
  google: Google,
  ports: FunctionPorts,
): Promise<FunctionsProgram | undefined> {
  const { functions, stateDir, zone } = options;
  if (functions === false) return undefined;
  const { urls: functionUrls, url: googleUrl } = google;
  return startFunctions({
    ...options,
    source: functions.source ?? path.join(INSTALLATION, 'functions', `index${EXTENSION}`),
    ports,
    environment: {
      ...functionsEnvironment({ settings, stateDir, zone, googleUrl, functionUrls }),
      ...functions.environment,
    },
  });
}
