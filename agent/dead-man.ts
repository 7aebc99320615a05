// The dead-man's timer (pure): how long the machine has been awake without the API and without work. main.ts winds it,
// pulse.ts lets it run.
//
// An answer that refuses us is none: who refuses this machine does not care for it. Time is counted while the machine
// is awake, and from the last wake: a machine that slept for weeks without network has its full time again.

/** Before the API has said anything: as long as nobody would take for a short failure. */
const DEFAULT_SECONDS = 3_600;

export class DeadMan {
  #seconds = DEFAULT_SECONDS;
  #since: number;

  /** All times are milliseconds awake. */
  constructor(now: number) {
    this.#since = now;
  }

  /** The API has accepted a call. */
  reached(seconds: number, now: number): void {
    this.#seconds = seconds;
    this.begin(now);
  }

  /** What counts from now on; `Infinity`: it never ends. */
  allow(seconds: number): void {
    this.#seconds = seconds;
  }

  /** The machine woke then, or something worked on it: the full time counts from there. */
  begin(at: number): void {
    this.#since = Math.max(this.#since, at);
  }

  /** How long the machine has been unattended, in milliseconds. */
  elapsed(now: number): number {
    return now - this.#since;
  }

  isDue(now: number): boolean {
    return this.elapsed(now) >= this.#seconds * 1000;
  }
}
