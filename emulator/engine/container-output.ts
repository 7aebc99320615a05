// Follows what the containers of an instance print on an engine: one `docker logs` for each that runs, begun when the
// engine says that it has started. What was told is not told again when a container is started again, or the engine.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import type { TellLines } from '../runtime/container-logs.ts';
import type { Engine } from './engine.ts';
import { ofInstance } from './labels.ts';

/** What came within this time is told at once. */
const TOGETHER_MILLISECONDS = 100;
/** Until an engine that has gone is asked again. */
const PAUSE_MILLISECONDS = 1000;
/** What `docker logs` begins a container's lines with, and its own not. */
const TIMESTAMP = /^\d{4}-\d\d-\d\dT\S+ /;

/** @returns what looks a last time and ends it */
export function followContainers(engine: Engine, leash: string, tell: TellLines): () => void {
  const follower = new Follower(engine, leash, tell);
  return () => {
    follower.end();
  };
}

class Follower {
  readonly #engine: Engine;
  readonly #tell: TellLines;
  readonly #over = new AbortController();
  /** By container: when its last told line was printed, to the nanosecond. */
  readonly #last = new Map<string, string>();
  readonly #followed = new Set<string>();
  /** Started again before the end of what they had printed until then was seen. */
  readonly #again = new Set<string>();
  readonly #waiting = new Map<string, string[]>();
  readonly #since = new Date().toISOString();

  constructor(engine: Engine, leash: string, tell: TellLines) {
    this.#engine = engine;
    this.#tell = tell;
    void this.#watch(leash);
  }

  end(): void {
    this.#over.abort();
    this.#flush();
  }

  /** From the beginning of the boot, so that none is missed between boot and watch. It ends early when the engine goes. */
  async #watch(leash: string): Promise<void> {
    let since = this.#since;
    for (;;) {
      for await (const name of this.#starts(leash, since)) void this.#follow(name);
      since = new Date().toISOString();
      const { signal } = this.#over;
      await delay(PAUSE_MILLISECONDS, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
      // An engine that is there again knows of no start before its own; some leave their containers running meanwhile.
      const running = ['ps', '--format={{.Names}}', `--filter=${ofInstance(leash)}`];
      for await (const name of this.#lines(running, 'stdout')) void this.#follow(name);
    }
  }

  #starts(leash: string, since: string): AsyncGenerator<string> {
    const filters = [ofInstance(leash), 'type=container', 'event=start'];
    const args = ['events', `--since=${since}`, '--format={{.Actor.Attributes.name}}'];
    return this.#lines([...args, ...filters.map((filter) => `--filter=${filter}`)], 'stdout');
  }

  async #follow(name: string): Promise<void> {
    if (this.#followed.has(name)) {
      this.#again.add(name);
      return;
    }
    this.#followed.add(name);
    const since = this.#last.get(name) ?? this.#since;
    const args = ['logs', '--follow', '--timestamps', `--since=${since}`, name];
    for await (const line of this.#lines(args, 'both')) {
      if (!TIMESTAMP.test(line)) continue;
      const at = line.slice(0, line.indexOf(' '));
      if (at <= (this.#last.get(name) ?? '')) continue;
      this.#last.set(name, at);
      this.#add(name, line.slice(at.length + 1));
    }
    this.#followed.delete(name);
    if (this.#again.delete(name)) await this.#follow(name);
  }

  #add(name: string, line: string): void {
    if (this.#waiting.size === 0)
      setTimeout(() => {
        this.#flush();
      }, TOGETHER_MILLISECONDS).unref();
    this.#waiting.set(name, [...(this.#waiting.get(name) ?? []), line]);
  }

  #flush(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const [name, lines] of waiting) this.#tell(name, lines);
  }

  /** Of standard output, and standard error; ends with the program, which ends with us. */
  async *#lines(args: readonly string[], of: 'stdout' | 'both'): AsyncGenerator<string> {
    const { program, host } = this.#engine;
    if (this.#over.signal.aborted) return;
    const child = spawn(
      '/bin/sh',
      ['-c', `exec "$0" "$@" ${of === 'both' ? '2>&1' : ''}`, program, ...args],
      {
        env: { DOCKER_HOST: host, PATH: process.env['PATH'] },
        stdio: ['ignore', 'pipe', 'ignore'],
        signal: this.#over.signal,
        killSignal: 'SIGKILL',
      },
    );
    child.on('error', () => undefined); // Its output has ended then, too.
    const ended = once(child, 'close').catch(() => undefined);
    yield* createInterface({ input: child.stdout, crlfDelay: Infinity });
    await ended;
  }
}
