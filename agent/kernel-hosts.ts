// The kernels that front-ends have used, each with its host and its folder on disk. channels.ts asks for one when a
// front-end comes; after a restart of the agent those that the gateway still has go on.
import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from './clock.ts';
import type { Gate } from './gate.ts';
import type { Gateway } from './gateway.ts';
import { KernelHost } from './kernel-host.ts';
import { openKernelLog } from './kernel-log/kernel-log.ts';
import type { Kernels } from './kernels.ts';
import type { Log } from './log.ts';
import { reasonOf } from './log.ts';

/** So long, in which the machine was awake, a channel is kept for a front-end that does not come. */
const EXPIRE_MILLISECONDS = 24 * 3_600_000;
const TIDY_MILLISECONDS = 60_000;
const KERNEL_ID = /^[\w-]{1,128}$/;

const GONE = 'The kernel has ended.';

export interface KernelHostsOptions {
  /** Of the agent; kernels' folders are in it. */
  stateDir: string;
  /** What one kernel's log may take. */
  logBytes: number;
  gateway: Gateway;
  kernels: Kernels;
  gate: Gate;
  clock: Clock;
  log: Log;
}

export class KernelHosts {
  readonly #options: KernelHostsOptions;
  readonly #folder: string;
  readonly #hosts = new Map<string, { host: KernelHost; openedAt: number }>();
  #stopTidying: () => void;
  #hasLoaded = false;

  constructor(options: KernelHostsOptions) {
    this.#options = options;
    this.#folder = join(options.stateDir, 'kernels');
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    this.#stopTidying = this.#tidyLater();
  }

  /** The kernel's host, made if it is not there; `undefined` when the gateway has no such kernel. @throws when it does not say */
  async open(kernelId: string): Promise<KernelHost | undefined> {
    const known = this.get(kernelId);
    if (known) return known;
    if (!KERNEL_ID.test(kernelId) || !(await this.#options.gateway.hasKernel(kernelId))) {
      return undefined;
    }
    return this.get(kernelId) ?? this.#make(kernelId);
  }

  get(kernelId: string): KernelHost | undefined {
    return this.#hosts.get(kernelId)?.host;
  }

  /** The gateway's list of kernels, asked for at `askedAt` since boot: what it does not name has ended. */
  listed(ids: ReadonlySet<string>, askedAt: number): void {
    this.#load(ids);
    for (const [id, { openedAt }] of this.#hosts) {
      if (!ids.has(id) && openedAt < askedAt) this.end(id);
    }
  }

  /** The kernel has ended. */
  end(kernelId: string, reason = GONE): void {
    const known = this.#hosts.get(kernelId);
    if (!known) return;
    this.#hosts.delete(kernelId);
    known.host.end(reason);
    rmSync(join(this.#folder, kernelId), { recursive: true, force: true });
  }

  async close(): Promise<void> {
    this.#stopTidying();
    await Promise.all([...this.#hosts.values()].map(({ host }) => host.close()));
    this.#hosts.clear();
  }

  /** Once after a start of the agent: hosts for the kernels of which there is a folder. */
  #load(ids: ReadonlySet<string>): void {
    if (this.#hasLoaded) return;
    this.#hasLoaded = true;
    for (const id of readdirSync(this.#folder)) {
      if (this.#hosts.has(id)) continue;
      if (ids.has(id)) this.#make(id);
      else rmSync(join(this.#folder, id), { recursive: true, force: true });
    }
  }

  #make(kernelId: string): KernelHost {
    const { gateway, kernels, gate, clock, log, logBytes } = this.#options;
    const folder = join(this.#folder, kernelId);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const host = new KernelHost({
      ...{ kernelId, gateway, kernels, gate, clock, log },
      sessionId: sessionIdIn(folder),
      kernelLog: openKernelLog({ folder: join(folder, 'log'), maxBytes: logBytes }),
      onGone: () => {
        this.end(kernelId);
      },
      onShutdownWanted: (isRestart) => {
        this.#shutDown(kernelId, isRestart).catch((error: unknown) => {
          log.error('kernel not ended', { kernel: kernelId, reason: reasonOf(error) });
          this.get(kernelId)?.shutdownAnswered(false);
        });
      },
    });
    this.#hosts.set(kernelId, { host, openedAt: clock.sinceBoot() });
    return host;
  }

  async #shutDown(kernelId: string, isRestart: boolean): Promise<void> {
    const { gateway } = this.#options;
    if (isRestart) this.get(kernelId)?.restarting();
    const isDone = await gateway.endKernel(kernelId, isRestart);
    if (isDone && !isRestart) {
      this.end(kernelId);
      return;
    }
    // It may have ended meanwhile, and its log with it.
    const host = this.get(kernelId);
    if (isRestart) host?.restarted(isDone);
    host?.shutdownAnswered(isDone);
  }

  #tidyLater(): () => void {
    return this.#options.clock.after(TIDY_MILLISECONDS, () => {
      for (const { host } of this.#hosts.values()) host.tidy(EXPIRE_MILLISECONDS);
      this.#stopTidying = this.#tidyLater();
    });
  }
}

/** The same for the kernel's whole life: the gateway keeps what is printed while we are away for this session alone. */
function sessionIdIn(folder: string): string {
  const file = join(folder, 'session');
  try {
    const known = readFileSync(file, 'utf8').trim();
    if (known !== '') return known;
  } catch {
    // There is none yet.
  }
  const made = randomUUID();
  writeFileSync(file, made, { mode: 0o600 });
  return made;
}
