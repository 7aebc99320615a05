// Runs an instance as its startup script and whatever that starts: processes of this machine, with stand-ins first on PATH
// for what must not touch it. What `docker` is there, and where its containers are, the InstanceDocker says.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { EMULATOR } from '../installed.ts';
import { findConfinement, type Confinement } from './confinement.ts';
import type { InstanceDocker } from './instance-docker.ts';
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

export interface ScriptRuntimeOptions {
  /** Tells this emulator's processes from another's: one word, the same at every start. */
  emulatorId: string;
  docker: InstanceDocker;
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
const STAND_INS = path.join(RUNTIME, 'stand-ins');
export const LEASH = path.join(RUNTIME, 'leash.sh');

export function createScriptRuntime(options: ScriptRuntimeOptions): InstanceRuntime {
  const confinement = options.confinement ?? findConfinement();
  const { emulatorId, docker } = options;
  return {
    boot: (spec) => boot(spec, options, confinement),
    remove: async ({ name, folder }) => {
      await docker.remove(leashOf(emulatorId, name), folder);
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
    sweep: async () => {
      const find = () => findLeashed((leash) => leash.startsWith(`${emulatorId}/`));
      await signalUntil(find, 'SIGKILL', (pid) => !isAlive(pid), KILL_SECONDS);
      await docker.sweep();
    },
  };
}

function leashOf(emulatorId: string, instance: string): string {
  return `${emulatorId}/${instance}`;
}

async function boot(
  spec: BootSpec,
  options: ScriptRuntimeOptions,
  confinement: Confinement,
): Promise<RunningInstance> {
  for (const name of ['disk', 'run', 'home']) {
    mkdirSync(path.join(spec.folder, name), { recursive: true, mode: 0o700 });
  }
  const script = path.join(spec.folder, 'run', 'startup-script');
  writeFileSync(script, spec.startupScript, { mode: 0o700 });
  writeFileSync(path.join(spec.folder, 'run', 'iptables'), '');
  const leash = leashOf(options.emulatorId, spec.name);
  const { docker } = options;
  await docker.powerOn(leash);
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
  const stopFollowing = docker.follow(spec, leash);
  return new ScriptInstance({ name: spec.name, child, leash, confinement, docker, stopFollowing });
}

function environment(
  spec: BootSpec,
  { docker, searchPath }: ScriptRuntimeOptions,
  leash: string,
): Record<string, string> {
  return {
    PATH: [...docker.standIns, STAND_INS, searchPath].join(':'),
    LANG: 'C.UTF-8',
    HOME: path.join(spec.folder, 'home'),
    GCE_METADATA_HOST: spec.metadataHost,
    DATALAB_STATE_DIR: path.join(spec.folder, 'disk', 'datalab'),
    [LEASH_VARIABLE]: leash,
    DATALAB_EMULATOR_RUN: path.join(spec.folder, 'run'),
    ...docker.environment(spec),
  };
}

interface Script {
  name: string;
  child: ChildProcess;
  leash: string;
  confinement: Confinement;
  docker: InstanceDocker;
  stopFollowing: () => void;
}

class ScriptInstance implements RunningInstance {
  readonly name: string;
  readonly ended: Promise<InstanceEnd>;
  readonly #script: Script;

  constructor(script: Script) {
    this.name = script.name;
    this.#script = script;
    this.ended = this.#untilEnded();
  }

  async freeze(): Promise<void> {
    const isStopped = (pid: number) => !isAlive(pid) || statusOf(pid)?.state === 'T';
    // The script first: it must not start what is not frozen.
    await signalUntil(() => this.#guests(), 'SIGSTOP', isStopped, FREEZE_SECONDS);
    await this.#script.docker.freeze(this.#script.leash);
  }

  async thaw(): Promise<void> {
    await this.#script.docker.thaw(this.#script.leash);
    const isRunning = (pid: number) => statusOf(pid)?.state !== 'T';
    await signalUntil(() => this.#guests(), 'SIGCONT', isRunning, FREEZE_SECONDS);
  }

  async shutDown(): Promise<void> {
    for (const pid of this.#guests()) {
      signal(pid, 'SIGTERM');
      signal(pid, 'SIGCONT');
    }
    await Promise.all([
      untilGone(() => this.#guests(), SHUTDOWN_SECONDS),
      this.#script.docker.shutDown(this.#script.leash, SHUTDOWN_SECONDS),
    ]);
    await this.powerOff();
  }

  async powerOff(): Promise<void> {
    // The end of its standard input is what the leash waits for; it also comes when this process dies.
    this.#script.child.stdin?.destroy();
    await this.ended;
  }

  async #untilEnded(): Promise<InstanceEnd> {
    const { child, leash, docker, stopFollowing } = this.#script;
    const [status] = (await once(child, 'exit')) as [number | null];
    // Without a namespace, a leash that was killed leaves its processes to us.
    const find = () => findLeashed((other) => other === leash);
    await signalUntil(find, 'SIGKILL', (pid) => !isAlive(pid), KILL_SECONDS);
    // So does it with its containers. An engine that does not answer keeps them until the next sweep.
    if (status !== 0 && status !== SHUTDOWN_STATUS) {
      await docker.powerOff(leash).catch(() => undefined);
    }
    stopFollowing();
    return status === SHUTDOWN_STATUS ? 'shutdown' : 'lost';
  }

  /** The instance's processes but for the leash, which has to notice the emulator's end even when frozen. */
  #guests(): number[] {
    const { child, leash, confinement } = this.#script;
    const starter = child.pid;
    if (starter === undefined) return [];
    const marked = findLeashed((other) => other === leash).filter((pid) => pid !== starter);
    if (confinement.kind === 'mark') return marked;
    const first = marked.find((pid) => statusOf(pid)?.parent === starter);
    return first === undefined ? [] : findInNamespaceOf(first).filter((pid) => pid !== first);
  }
}
