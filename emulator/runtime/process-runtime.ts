// The process runtime: an instance is its startup script and whatever that starts, run as processes of this
// machine with stand-ins first on PATH for what must not touch it. Ready in seconds; needs no container engine.
import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { EMULATOR, EXTENSION } from '../installed.ts';
import { findConfinement, type Confinement } from './confinement.ts';
import { followContainers } from './container-logs.ts';
import type {
  BootSpec,
  InstanceEnd,
  InstanceRuntime,
  RunningInstance,
} from './instance-runtime.ts';
import {
  findInNamespaceOf,
  findLeashed,
  isAlive,
  LEASH_VARIABLE,
  signal,
  signalUntil,
  statusOf,
  untilGone,
} from './processes.ts';

export interface ProcessRuntimeOptions {
  /** Tells this emulator's processes from another's: one word, the same at every start. */
  emulatorId: string;
  /** The agent's program, run by this Node.js. */
  agentProgram: string;
  /** The user's own PATH: where Jupyter may be. */
  searchPath: string;
  /** Default: the strongest that works here. */
  confinement?: Confinement;
}

/** Exit status of leash.sh when `shutdown` ended it. */
const SHUTDOWN_STATUS = 10;
const SHUTDOWN_SECONDS = 5;
const FREEZE_SECONDS = 10;
const KILL_SECONDS = 10;

const RUNTIME = path.join(EMULATOR, 'runtime');
export const LEASH = path.join(RUNTIME, 'leash.sh');

export function createProcessRuntime(options: ProcessRuntimeOptions): InstanceRuntime {
  const confinement = options.confinement ?? findConfinement();
  return {
    boot: (spec) => boot(spec, options, confinement),
    sweep: async () => {
      const find = () => findLeashed((leash) => leash.startsWith(`${options.emulatorId}/`));
      await signalUntil(find, 'SIGKILL', (pid) => !isAlive(pid), KILL_SECONDS);
    },
  };
}

async function boot(
  spec: BootSpec,
  options: ProcessRuntimeOptions,
  confinement: Confinement,
): Promise<RunningInstance> {
  for (const name of ['disk', 'run', 'home']) {
    mkdirSync(path.join(spec.folder, name), { recursive: true, mode: 0o700 });
  }
  const script = path.join(spec.folder, 'run', 'startup-script');
  writeFileSync(script, spec.startupScript, { mode: 0o700 });
  writeFileSync(path.join(spec.folder, 'run', 'iptables'), '');
  const leash = `${options.emulatorId}/${spec.name}`;
  // The log of the last boot only: what serial port 1 shows after a reset is the user's to keep.
  const log = openSync(path.join(spec.folder, 'serial-port-1.log'), 'w', 0o600);
  const [file = '', ...args] = [...confinement.prefix].concat('/bin/bash', LEASH, script);
  const child = spawn(file, args, {
    cwd: path.join(spec.folder, 'home'),
    env: environment(spec, options, leash),
    stdio: ['pipe', log, log],
    // Out of the terminal's foreground group: Ctrl-C is the emulator's to hear.
    detached: true,
  });
  closeSync(log);
  await once(child, 'spawn');
  const stopFollowing = followContainers(dockerFolder(spec), (...told) => spec.onOutput?.(...told));
  return new ProcessInstance(spec.name, child, leash, confinement, stopFollowing);
}

/** Images and containers: on the instance's disk. */
function dockerFolder(spec: BootSpec): string {
  return path.join(spec.folder, 'disk', 'docker');
}

function environment(
  spec: BootSpec,
  options: ProcessRuntimeOptions,
  leash: string,
): Record<string, string> {
  return {
    PATH: `${path.join(RUNTIME, 'stand-ins')}:${options.searchPath}`,
    LANG: 'C.UTF-8',
    HOME: path.join(spec.folder, 'home'),
    GCE_METADATA_HOST: spec.metadataHost,
    DATALAB_STATE_DIR: path.join(spec.folder, 'disk', 'datalab'),
    [LEASH_VARIABLE]: leash,
    DATALAB_EMULATOR_BOOT_ID: randomUUID(),
    DATALAB_EMULATOR_RUN: path.join(spec.folder, 'run'),
    DATALAB_EMULATOR_DOCKER_FOLDER: dockerFolder(spec),
    DATALAB_EMULATOR_DOCKER: path.join(RUNTIME, `docker${EXTENSION}`),
    DATALAB_EMULATOR_REGISTRY: spec.registryUrl,
    DATALAB_EMULATOR_NODE: process.execPath,
    DATALAB_EMULATOR_AGENT: options.agentProgram,
  };
}

class ProcessInstance implements RunningInstance {
  readonly name: string;
  readonly ended: Promise<InstanceEnd>;
  readonly #child: ChildProcess;
  readonly #leash: string;
  readonly #confinement: Confinement;
  readonly #stopFollowing: () => void;

  constructor(
    name: string,
    child: ChildProcess,
    leash: string,
    confinement: Confinement,
    stopFollowing: () => void,
  ) {
    this.name = name;
    this.#child = child;
    this.#leash = leash;
    this.#confinement = confinement;
    this.#stopFollowing = stopFollowing;
    this.ended = this.#untilEnded();
  }

  async freeze(): Promise<void> {
    const isStopped = (pid: number) => !isAlive(pid) || statusOf(pid)?.state === 'T';
    await signalUntil(() => this.#guests(), 'SIGSTOP', isStopped, FREEZE_SECONDS);
  }

  async thaw(): Promise<void> {
    const isRunning = (pid: number) => statusOf(pid)?.state !== 'T';
    await signalUntil(() => this.#guests(), 'SIGCONT', isRunning, FREEZE_SECONDS);
  }

  async shutDown(): Promise<void> {
    for (const pid of this.#guests()) {
      signal(pid, 'SIGTERM');
      signal(pid, 'SIGCONT');
    }
    await untilGone(() => this.#guests(), SHUTDOWN_SECONDS);
    await this.powerOff();
  }

  async powerOff(): Promise<void> {
    // The end of its standard input is what the leash waits for; it also comes when this process dies.
    this.#child.stdin?.destroy();
    await this.ended;
  }

  async #untilEnded(): Promise<InstanceEnd> {
    const [status] = (await once(this.#child, 'exit')) as [number | null];
    // Without a namespace, a leash that was killed leaves its processes to us.
    const find = () => findLeashed((leash) => leash === this.#leash);
    await signalUntil(find, 'SIGKILL', (pid) => !isAlive(pid), KILL_SECONDS);
    this.#stopFollowing();
    return status === SHUTDOWN_STATUS ? 'shutdown' : 'lost';
  }

  /** The instance's processes but for the leash, which has to notice the emulator's end even when frozen. */
  #guests(): number[] {
    const starter = this.#child.pid;
    if (starter === undefined) return [];
    const marked = findLeashed((leash) => leash === this.#leash).filter((pid) => pid !== starter);
    if (this.#confinement.kind === 'mark') return marked;
    const first = marked.find((pid) => statusOf(pid)?.parent === starter);
    return first === undefined ? [] : findInNamespaceOf(first).filter((pid) => pid !== first);
  }
}
