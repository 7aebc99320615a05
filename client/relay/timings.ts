// How long the relay waits for what, in milliseconds; tests take other values.

export interface RelayTimings {
  /** Between two pings to the agent; two without any sign of life, and the connection is taken for dead. */
  ping: number;
  /** For the handshake and the agent's welcome. */
  greeting: number;
  /** Before the second try for a connection; then twice as long each time, up to `longestPause`. */
  firstPause: number;
  longestPause: number;
  /** So long a front-end's connection stays while the agent's is down: a shorter cut is not noticed. */
  grace: number;
  /** So long a front-end's handshake waits for the agent. Firefox gives up after 20 s. */
  hold: number;
  /** So long a front-end that was let in without a way to the agent has, before it is cut again. */
  glimpse: number;
  /** After a write to the front-end it is asked to confirm. */
  confirm: number;
  /** A front-end that has said goodbye may come back within this. */
  leave: number;
  /** A front-end that was cut may come back within this before the agent's connection is given up. */
  absence: number;
  /** After so long without an answer to what was asked for before, what was answered then is said again. */
  silence: number;
  /** An answer to what only reads, and the rest of any answer, is given up after so long without a byte of it. */
  answer: number;
  /** So long a request to read something is repeated while the way is down; its front-end waits meanwhile. */
  read: number;
  /** One that changes something. */
  change: number;
  /** One that makes a kernel. */
  create: number;
}

export const RELAY_TIMINGS: RelayTimings = {
  ping: 10_000,
  greeting: 15_000,
  firstPause: 500,
  longestPause: 30_000,
  grace: 15_000,
  hold: 15_000,
  glimpse: 1_000,
  confirm: 20,
  leave: 120_000,
  absence: 600_000,
  silence: 2_000,
  answer: 30_000,
  read: 2_000,
  change: 10_000,
  create: 30_000,
};

/** Of the connections of this machine. */
export const FRONT_END_PINGS = { milliseconds: 20_000, maxSilent: 3 };
