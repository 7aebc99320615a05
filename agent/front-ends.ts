// A kernel's front-ends: those that are connected, and where the others left off that may come back. kernel-host.ts has
// them; channel-end.ts and plain-end.ts are what it has.
import type { LogRecord } from './kernel-log/kernel-log.ts';

/** A front-end's connection, as the host uses it. */
export interface FrontEnd {
  readonly key: string;
  /** There is more in the log. */
  appended(record: LogRecord): void;
  /** Everything up to here is no longer needed for it. */
  readonly delivered: number;
  /** The kernel is gone. */
  dead(reason: string): void;
  /** Another connection has taken its place. */
  superseded(): void;
  /** The agent is going away. */
  close(): void;
}

export class FrontEnds {
  readonly #connected = new Map<string, FrontEnd>();
  /** Where channels without a connection left off, and since when (awake, in ms) nobody has come. */
  readonly #absent = new Map<string, { delivered: number; since: number }>();

  get all(): FrontEnd[] {
    return [...this.#connected.values()];
  }

  get(key: string): FrontEnd | undefined {
    return this.#connected.get(key);
  }

  came(frontEnd: FrontEnd): void {
    this.#connected.set(frontEnd.key, frontEnd);
    this.#absent.delete(frontEnd.key);
  }

  /** Its connection has ended. @returns whether it was the one of its channel */
  went(frontEnd: FrontEnd): boolean {
    if (this.#connected.get(frontEnd.key) !== frontEnd) return false;
    return this.#connected.delete(frontEnd.key);
  }

  /** It may come back. */
  left(key: string, delivered: number, now: number): void {
    this.#absent.set(key, { delivered, since: now });
  }

  /** Forgets the channels for which nobody has come for so long. @returns their keys */
  expire(milliseconds: number, now: number): string[] {
    const expired = [...this.#absent].flatMap(([key, { since }]) =>
      now - since < milliseconds ? [] : [key],
    );
    for (const key of expired) this.#absent.delete(key);
    return expired;
  }

  /** What lies up to here in the log none of them needs. */
  delivered(head: number): number {
    const positions = [...this.#connected.values(), ...this.#absent.values()];
    return Math.min(head, ...positions.map(({ delivered }) => delivered));
  }

  clear(): void {
    this.#connected.clear();
  }
}
