// Runs the backend as Cloud Functions would: the real Functions Framework over functions/index.ts, its settings
// in the environment, its Google credentials from a metadata server. It dies with the emulator (leash.sh).
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer, type AddressInfo } from 'node:net';
import path from 'node:path';
import { delay, type Clock } from './clock.ts';
import type { Log } from './router.ts';
import { LEASH } from './runtime/process-runtime.ts';
import { findLeashed, isAlive, LEASH_VARIABLE, signalUntil } from './runtime/processes.ts';

export interface FunctionsProgramOptions {
  source: string;
  port: number;
  stateDir: string;
  /** Tells its processes from another emulator's, for the sweep at the next start. */
  emulatorId: string;
  searchPath: string;
  environment: Readonly<Record<string, string>>;
  clock: Clock;
  log: Log;
}

export interface FunctionsProgram {
  readonly logFile: string;
  /** Ends it and everything that came of it. */
  end(): Promise<void>;
}

const HEALTH_MILLISECONDS = 100;
const START_LIMIT_MILLISECONDS = 60_000;
const KILL_SECONDS = 10;
const FIRST_PAUSE_MILLISECONDS = 500;
const LAST_PAUSE_MILLISECONDS = 30_000;
/** A program that ran so long had started well: the next pause is a short one again. */
const STEADY_MILLISECONDS = 60_000;

/** Returns when `/health` answers. @throws Error that names the log file when it does not come up. */
export async function startFunctions(options: FunctionsProgramOptions): Promise<FunctionsProgram> {
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

class Program implements FunctionsProgram {
  readonly logFile: string;
  readonly #options: FunctionsProgramOptions;
  #child: ChildProcess | undefined;
  #isEnding = false;
  #pause = FIRST_PAUSE_MILLISECONDS;
  #cancelRestart: (() => void) | undefined;

  constructor(options: FunctionsProgramOptions) {
    this.#options = options;
    this.logFile = path.join(options.stateDir, 'functions.log');
  }

  async start(): Promise<void> {
    const child = await this.#spawn('w');
    const isHealthy = await this.#untilHealthy(child);
    if (!isHealthy) {
      throw new Error(`The functions did not start. What they said is in ${this.logFile}`);
    }
    this.#watch(child);
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

  get #leash(): string {
    return `${this.#options.emulatorId}/functions`;
  }

  async #spawn(flags: 'w' | 'a'): Promise<ChildProcess> {
    const { source, port, stateDir, environment, searchPath } = this.#options;
    const home = path.join(stateDir, 'functions-home');
    mkdirSync(home, { recursive: true, mode: 0o700 });
    const log = openSync(this.logFile, flags, 0o600);
    const framework = path.join(
      path.dirname(createRequire(import.meta.url).resolve('@google-cloud/functions-framework')),
      'main.js',
    );
    const command = [process.execPath, framework];
    const args = [`--source=${source}`, '--target=api', '--signature-type=http', `--port=${port}`];
    const child = spawn('/bin/bash', [LEASH, '--ends-with-command', ...command, ...args], {
      cwd: path.dirname(path.dirname(source)),
      env: {
        PATH: searchPath,
        HOME: home,
        LANG: 'C.UTF-8',
        NODE_ENV: 'production',
        // What Cloud Run sets; the framework then marks its log lines as Google's logging expects them.
        K_SERVICE: 'api',
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
    while (!hasEnded(child) && !this.#isEnding && clock.now() < end) {
      if (await isHealthy(port)) return true;
      await delay(clock, HEALTH_MILLISECONDS);
    }
    return false;
  }

  #watch(child: ChildProcess): void {
    const { clock, log } = this.#options;
    const since = clock.now();
    child.once('exit', () => {
      if (this.#isEnding) return;
      if (clock.now() - since > STEADY_MILLISECONDS) this.#pause = FIRST_PAUSE_MILLISECONDS;
      log(`the functions ended; starting them again in ${this.#pause} ms (log: ${this.logFile})`);
      this.#cancelRestart = clock.after(this.#pause, () => {
        void this.#restart();
      });
      this.#pause = Math.min(2 * this.#pause, LAST_PAUSE_MILLISECONDS);
    });
  }

  async #restart(): Promise<void> {
    try {
      const child = await this.#spawn('a');
      if (this.#isEnding) child.stdin?.destroy();
      this.#watch(child);
    } catch (error) {
      this.#options.log(`the functions could not be started again: ${String(error)}`);
    }
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

async function isHealthy(port: number): Promise<boolean> {
  try {
    const reply = await fetch(`http://127.0.0.1:${port}/health`);
    await reply.body?.cancel();
    return reply.ok;
  } catch {
    return false;
  }
}

/** `preferred` if it is free; the framework must be told a port, it cannot choose one and say which. */
export async function chooseFreePort(preferred: number | undefined): Promise<number> {
  const server = createServer();
  try {
    server.listen(preferred ?? 0, '127.0.0.1');
    await once(server, 'listening');
  } catch {
    return chooseFreePort(undefined);
  }
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
