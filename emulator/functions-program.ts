// Runs one function of the backend as Cloud Functions would: the real Functions Framework over functions/index.ts,
// its settings in the environment, its Google credentials from a metadata server. It dies with the emulator
// (leash.sh). functions-programs.ts says which functions there are.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { delay, type Clock } from './clock.ts';
import type { Log } from './router.ts';
import { LEASH } from './runtime/script-runtime.ts';
import { findLeashed, isAlive, LEASH_VARIABLE, signalUntil } from './runtime/processes.ts';

export interface FunctionTarget {
  /** As functions/index.ts registers it. */
  name: string;
  signatureType: 'http' | 'cloudevent';
}

export interface FunctionsProgramOptions {
  source: string;
  target: FunctionTarget;
  port: number;
  stateDir: string;
  logFile: string;
  /** Tells its processes from another emulator's, for the sweep at the next start. */
  emulatorId: string;
  searchPath: string;
  environment: Readonly<Record<string, string>>;
  clock: Clock;
  log: Log;
}

export interface FunctionsProgram {
  /** Ends it and everything that came of it. */
  end(): Promise<void>;
}

const HEALTH_MILLISECONDS = 100;
const HEALTH_ANSWER_MILLISECONDS = 10_000;
const START_LIMIT_MILLISECONDS = 60_000;
const KILL_SECONDS = 10;
const FIRST_PAUSE_MILLISECONDS = 500;
const LAST_PAUSE_MILLISECONDS = 30_000;
/** A program that ran so long had started well: the next pause is a short one again. */
const STEADY_MILLISECONDS = 60_000;

/** Returns when `/health` answers. @throws Error that names the log file when it does not come up. */
export async function startFunction(options: FunctionsProgramOptions): Promise<FunctionsProgram> {
  if (!existsSync(options.source)) throw new Error(`There are no functions at ${options.source}.`);
  const program = new Program(options);
  try {
    await program.start();
    return program;
  } catch (error) {
    await program.end();
    throw error;
  }
}

/** Starts it without waiting; one that does not come up is started again and again, ever more rarely. */
export function keepFunction(options: FunctionsProgramOptions): FunctionsProgram {
  const program = new Program(options);
  void program.keep('w');
  return program;
}

class Program implements FunctionsProgram {
  readonly #options: FunctionsProgramOptions;
  #child: ChildProcess | undefined;
  #isEnding = false;
  #pause = FIRST_PAUSE_MILLISECONDS;
  #cancelRestart: (() => void) | undefined;

  constructor(options: FunctionsProgramOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const child = await this.#spawn('w');
    const isHealthy = await this.#untilHealthy(child);
    if (!isHealthy) {
      throw new Error(`The functions did not start. What they said is in ${this.#options.logFile}`);
    }
    this.#watch(child);
  }

  /** Starts it, and again whenever it ends. */
  async keep(flags: 'w' | 'a'): Promise<void> {
    try {
      const child = await this.#spawn(flags);
      if (this.#isEnding) child.stdin?.destroy();
      this.#watch(child);
    } catch (error) {
      this.#options.log(`the function ${this.#name} could not be started: ${String(error)}`);
      this.#keepLater();
    }
  }

  async end(): Promise<void> {
    this.#isEnding = true;
    this.#cancelRestart?.();
    const child = this.#child;
    if (child && !hasEnded(child)) {
      const ended = once(child, 'exit');
      child.stdin?.destroy();
      await ended;
    }
    // A leash that was killed leaves its processes to us.
    const find = () => findLeashed((leash) => leash === this.#leash);
    await signalUntil(find, 'SIGKILL', (pid) => !isAlive(pid), KILL_SECONDS);
  }

  get #name(): string {
    return this.#options.target.name;
  }

  get #leash(): string {
    return `${this.#options.emulatorId}/functions/${this.#name}`;
  }

  async #spawn(flags: 'w' | 'a'): Promise<ChildProcess> {
    const { source, target, port, stateDir, logFile, environment, searchPath } = this.#options;
    const home = path.join(stateDir, 'functions-home');
    mkdirSync(home, { recursive: true, mode: 0o700 });
    const log = openSync(logFile, flags, 0o600);
    const framework = path.join(
      path.dirname(createRequire(import.meta.url).resolve('@google-cloud/functions-framework')),
      'main.js',
    );
    const command = [process.execPath, framework];
    const { name, signatureType } = target;
    const what = [`--target=${name}`, `--signature-type=${signatureType}`];
    const args = [`--source=${source}`, ...what, `--port=${port}`];
    const child = spawn('/bin/bash', [LEASH, '--ends-with-command', ...command, ...args], {
      cwd: path.dirname(path.dirname(source)),
      env: {
        PATH: searchPath,
        HOME: home,
        LANG: 'C.UTF-8',
        NODE_ENV: 'production',
        // What Cloud Run sets; the framework then marks its log lines as Google's logging expects them.
        K_SERVICE: name.toLowerCase(),
        METADATA_SERVER_DETECTION: 'assume-present',
        ...environment,
        [LEASH_VARIABLE]: this.#leash,
      },
      stdio: ['pipe', log, log],
      // Out of the terminal's foreground group: Ctrl-C is the emulator's to hear.
      detached: true,
    });
    closeSync(log);
    child.stdin?.on('error', () => undefined); // It ended before we did.
    await once(child, 'spawn');
    this.#child = child;
    return child;
  }

  async #untilHealthy(child: ChildProcess): Promise<boolean> {
    const { clock, port } = this.#options;
    const end = clock.now() + START_LIMIT_MILLISECONDS;
    const exit = new AbortController();
    child.once('exit', () => {
      exit.abort();
    });
    while (!hasEnded(child) && !this.#isEnding && clock.now() < end) {
      if (await isHealthy(port, exit.signal)) return true;
      await delay(clock, HEALTH_MILLISECONDS);
    }
    return false;
  }

  #watch(child: ChildProcess): void {
    const { clock, log, logFile } = this.#options;
    const since = clock.now();
    child.once('exit', () => {
      if (this.#isEnding) return;
      if (clock.now() - since > STEADY_MILLISECONDS) this.#pause = FIRST_PAUSE_MILLISECONDS;
      const again = `starting it again in ${this.#pause} ms`;
      log(`the function ${this.#name} ended; ${again} (log: ${logFile})`);
      this.#keepLater();
    });
  }

  #keepLater(): void {
    if (this.#isEnding) return;
    this.#cancelRestart = this.#options.clock.after(this.#pause, () => {
      void this.keep('a');
    });
    this.#pause = Math.min(2 * this.#pause, LAST_PAUSE_MILLISECONDS);
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** Another program may have the port by now, and never answer. */
async function isHealthy(port: number, exit: AbortSignal): Promise<boolean> {
  const signal = AbortSignal.any([exit, AbortSignal.timeout(HEALTH_ANSWER_MILLISECONDS)]);
  try {
    const reply = await fetch(`http://127.0.0.1:${port}/health`, { signal });
    await reply.body?.cancel();
    return reply.ok;
  } catch {
    return false;
  }
}
