// One emulator per state folder, and who uses it: the lock is a listening abstract Unix socket, which the kernel
// releases even at kill -9; a connection to it is an attachment. attachment.ts is the client's half.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { realpathSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import type { Clock } from './clock.ts';

/** Another emulator has this state folder. */
export class EmulatorRunningError extends Error {
  override name = 'EmulatorRunningError';
  readonly stateDir: string;

  constructor(stateDir: string) {
    super(
      `An emulator is already running on ${stateDir}. Use it with: datalab-client start --emulator; ` +
        'or end the one that runs, or choose another state folder.',
    );
    this.stateDir = stateDir;
  }
}

export interface DoorkeeperOptions {
  stateDir: string;
  clock: Clock;
  /** Ends when nobody is attached (any more). */
  endsWithoutClients: boolean;
  attachMilliseconds: number;
  /** Who started the emulator counts as attached until this aborts: before it attaches, it may be gone. */
  spawner?: AbortSignal | undefined;
  onAlone: () => void;
  /** The same before it is ready: who started it is gone, and nobody else waits for it. */
  onAbandoned: () => void;
}

/** Abstract (a leading NUL): no file that could be left behind. */
export function lockName(stateDir: string): string {
  const hash = createHash('sha256').update(realpathSync(stateDir)).digest('hex').slice(0, 32);
  return `\0datalab-emulator-${hash}`;
}

export class Doorkeeper {
  readonly #options: DoorkeeperOptions;
  readonly #server: Server;
  readonly #attached = new Set<Socket>();
  /** Has detached, and waits for the end of the emulator. */
  readonly #leaving = new Set<Socket>();
  #line: string | undefined;
  #isEnding = false;
  #released: Promise<void> | undefined;
  #cancelWait: (() => void) | undefined;

  /** @throws EmulatorRunningError */
  static async lock(options: DoorkeeperOptions): Promise<Doorkeeper> {
    const doorkeeper = new Doorkeeper(options);
    await doorkeeper.#listen();
    return doorkeeper;
  }

  private constructor(options: DoorkeeperOptions) {
    this.#options = options;
    options.spawner?.addEventListener('abort', () => {
      this.#endIfAlone();
    });
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      this.#admit(socket);
    });
  }

  get clients(): number {
    return this.#attached.size;
  }

  /** Tells who is attached, and who will be, that the emulator is ready. */
  announce(ready: object): void {
    this.#line = `${JSON.stringify(ready)}\n`;
    for (const socket of this.#attached) socket.write(this.#line);
    const { endsWithoutClients, clock, attachMilliseconds, spawner } = this.#options;
    if (spawner) this.#endIfAlone();
    if (!endsWithoutClients || this.#attached.size > 0 || spawner) return;
    this.#cancelWait = clock.after(attachMilliseconds, () => {
      this.#endIfAlone();
    });
  }

  /** From now on nobody is told anything: who comes is let go with the others at the end. */
  startEnding(): void {
    this.#isEnding = true;
    this.#cancelWait?.();
  }

  /** Releases the lock. Everything is dead by now, which is what a closed connection says. */
  release(error?: Error): Promise<void> {
    return (this.#released ??= this.#release(error));
  }

  async #release(error: Error | undefined): Promise<void> {
    this.startEnding();
    const line = error && `${JSON.stringify({ event: 'error', message: error.message })}\n`;
    this.#server.close();
    for (const socket of this.#attached) {
      if (line) socket.write(line);
      socket.end();
    }
    for (const socket of this.#leaving) socket.end();
    // A client that keeps its half open must not keep the emulator.
    const cancel = this.#options.clock.after(1000, () => {
      for (const socket of [...this.#attached, ...this.#leaving]) socket.destroy();
    });
    await once(this.#server, 'close');
    cancel();
  }

  async #listen(): Promise<void> {
    try {
      this.#server.listen(lockName(this.#options.stateDir));
      await once(this.#server, 'listening');
    } catch (error) {
      const isTaken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
      throw isTaken ? new EmulatorRunningError(this.#options.stateDir) : error;
    }
  }

  #admit(socket: Socket): void {
    this.#cancelWait?.();
    this.#attached.add(socket);
    socket.resume();
    socket.on('end', () => {
      this.#detach(socket);
    });
    socket.on('error', () => undefined); // The close event follows.
    socket.on('close', () => {
      this.#detach(socket);
      this.#leaving.delete(socket);
    });
    if (this.#line !== undefined && !this.#isEnding) socket.write(this.#line);
  }

  #detach(socket: Socket): void {
    if (!this.#attached.delete(socket)) return;
    const keepsWaiting = this.#isEnding || (this.#isAlone() && this.#options.endsWithoutClients);
    if (keepsWaiting) this.#leaving.add(socket);
    else socket.end();
    this.#endIfAlone();
  }

  #endIfAlone(): void {
    const { endsWithoutClients, onAlone, onAbandoned, spawner } = this.#options;
    if (this.#isEnding || !endsWithoutClients || !this.#isAlone()) return;
    if (this.#line !== undefined) onAlone();
    // What cannot be given up any more goes on; `announce` looks again.
    else if (spawner) onAbandoned();
  }

  #isAlone(): boolean {
    const { spawner } = this.#options;
    return this.#attached.size === 0 && (!spawner || spawner.aborted);
  }
}
