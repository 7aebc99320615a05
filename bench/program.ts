// A program under measurement: its time runs from the moment it is spawned, and it is gone when the measurement is
// over, however that ends.
import { spawn, type ChildProcess } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { peakMegabytes } from './memory.ts';

export interface ProgramOptions {
  env: NodeJS.ProcessEnv;
  /** Aborts the whole bench. */
  signal: AbortSignal;
  limitSeconds: number;
  /** Default: this Node.js. */
  command?: string | undefined;
}

export class Program implements AsyncDisposable {
  readonly child: ChildProcess;
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
  /** Aborts when time is up, the bench is interrupted, or the program has ended. */
  readonly signal: AbortSignal;
  readonly #since = performance.now();
  readonly #limit: NodeJS.Timeout;
  #output = '';
  readonly #said = new EventEmitter();

  constructor(args: readonly string[], { env, signal, limitSeconds, command }: ProgramOptions) {
    this.child = spawn(command ?? process.execPath, args, {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.#output += chunk.toString();
        this.#said.emit('more');
      });
    }
    const name = args.join(' ');
    const over = new AbortController();
    this.#limit = setTimeout(() => {
      over.abort(new Error(`${name} took more than ${limitSeconds} s\n${this.#output}`));
    }, limitSeconds * 1000);
    this.ended = new Promise((resolve) => {
      const end = (how: number | string) => {
        clearTimeout(this.#limit);
        resolve(how);
        over.abort(new Error(`${name} ended with ${how}\n${this.#output}`));
      };
      this.child.once('error', (error) => {
        end(error.message);
      });
      this.child.once('exit', (code, killer) => {
        end(code ?? killer ?? '');
      });
    });
    this.signal = AbortSignal.any([over.signal, signal]);
  }

  /** It has come so far that it is no longer measured. */
  hasAllTime(): void {
    clearTimeout(this.#limit);
  }

  elapsedMilliseconds(): number {
    return performance.now() - this.#since;
  }

  /** Of a program that was started. */
  get processId(): number {
    return this.child.pid ?? 0;
  }

  /** So far. */
  peakMegabytes(): number {
    return peakMegabytes(this.processId);
  }

  /** The first text of its output that `pattern` finds. */
  async untilSays(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.#output);
      if (found) return found;
      await new Promise<void>((resolve, reject) => {
        const fail = () => {
          reject(this.signal.reason as Error);
        };
        if (this.signal.aborted) fail();
        this.signal.addEventListener('abort', fail, { once: true });
        this.#said.once('more', () => {
          this.signal.removeEventListener('abort', fail);
          resolve();
        });
      });
    }
  }

  /** `how` first, since a client ends its emulator in order; then by force. */
  async end(how: NodeJS.Signals, patienceSeconds = 30): Promise<void> {
    this.child.kill(how);
    const impatience = setTimeout(() => this.child.kill('SIGKILL'), patienceSeconds * 1000);
    await this.ended;
    clearTimeout(impatience);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end('SIGTERM');
  }
}
