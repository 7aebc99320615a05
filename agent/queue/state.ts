// What the agent knows of one kernel's requests and channels: the result of every entry in the kernel's log (types only).
// record.ts turns what happens into entries, reduce.ts entries into state, next.ts state into what is to be done.
//
// The log is the only memory: whatever is done is first written as an entry, so that an agent that dies anywhere goes on
// from what it had written.

/** A front-end's request, without its body, which is in the log under `sequence`. */
export interface Waiting {
  readonly sequence: number;
  /** Its message id. */
  readonly id: string;
  /** Its message type. */
  readonly type: string;
  /** The front-end's channel. */
  readonly channel: string;
  /** An error of this execute aborts what waits behind it. */
  readonly stopsOnError: boolean;
  /** It belongs to the control channel. */
  readonly isControl?: boolean;
}

/** An execute that was handed to the gateway and has not ended, as far as is known. */
export interface Running extends Waiting {
  /** The connection to the gateway that it was last sent on. */
  readonly sentOn: string;
  /** A message that belongs to it was seen. */
  readonly isTraced: boolean;
  /** The kernel has said that it is idle again; its reply may come by another way, and later. */
  readonly hasIdled?: boolean;
  /** It got lost on its way, and sending the same bytes again is safe. */
  readonly mayResend: boolean;
  /** It was sent again, and is to be asked about again. */
  readonly isResent: boolean;
  /** The kernel was restarted or died since: what the old process said of it may still come, or the new one gets it. */
  readonly lostBy?: 'stopped' | 'died';
}

/** An execute that was answered, and whose idle status has not come: a page shows it as running until then. */
export interface Ending extends Waiting {
  readonly lane: string;
  readonly sentOn: string;
}

/** Requests that a kernel does one after the other: its shell, each of its subshells, its standard input. */
export interface Lane {
  readonly running?: Running;
  readonly waiting: readonly Waiting[];
}

/** A request that was sent, is no execute, and has not been answered. */
export interface Unanswered {
  readonly channel: string;
  readonly type: string;
  readonly sequence: number;
  readonly sentOn: string;
  readonly isControl: boolean;
}

/** Why the agent answers a request itself. */
export type Cause =
  /** A cell before it failed: aborted without a word, as the kernel does. */
  | 'error'
  | 'restarted'
  /** It was being done when the kernel was restarted. */
  | 'stopped'
  | 'died'
  | 'tooLate'
  | 'overtaken'
  /** Control messages that could not be delivered now. */
  | 'notNow'
  /** It was on the wire when a connection broke, and nobody knows what became of it. */
  | 'unknown'
  /** It ran, and its end was not seen. */
  | 'endUnseen'
  /** It was answered, and nothing but its idle status was not seen. */
  | 'idleUnseen'
  /** The gateway has started the kernel anew, as the request wanted. */
  | 'done';

/** An answer that the agent owes: its parts are written one by one. */
export interface Owed {
  readonly request: Waiting;
  readonly cause: Cause;
  /** How many of its parts are in the log. */
  readonly written: number;
}

export interface Prompt {
  /** Message id of the `input_request`. */
  readonly id: string;
  /** Where it is in the log. */
  readonly sequence: number;
  /** The execute that asks. */
  readonly parent: string;
  readonly channel: string;
  /** Its page has gone: one that is connected gets it, or the next that is. */
  readonly isOrphan: boolean;
  /** What was answered. The kernel says nothing to it, so it stays until its cell is heard again. */
  readonly input?: Input;
}

export interface Input {
  readonly sequence: number;
  /** The connection to the gateway that it was last sent on; absent: it was not. */
  readonly sentOn?: string;
}

export interface ChannelState {
  readonly incarnation: string;
  readonly epoch: number;
  /** The relay may never have heard of `epoch`: then it still says this one. */
  readonly previousEpoch: number | undefined;
  /** Everything up to here of what its relay sent is in the log. */
  readonly received: number;
  /** Where its last failed cell's reply is in the log, 0 if none. */
  readonly failedAt: number;
  /** Where the last cell that it had run began, 0 if none. */
  readonly ranAt: number;
}

export interface KernelState {
  readonly channels: ReadonlyMap<string, ChannelState>;
  /** By `laneOf`. Empty ones are not kept. */
  readonly lanes: ReadonlyMap<string, Lane>;
  /** By message id. Bounded: the oldest are forgotten, then their reply goes to the channel of its session. */
  readonly unanswered: ReadonlyMap<string, Unanswered>;
  /** Bounded: the oldest are forgotten. */
  readonly ending: readonly Ending[];
  readonly owed: readonly Owed[];
  /** Lanes in which a cell has failed and nothing was answered since: the kernel may still abort what reaches it. */
  readonly aborting: readonly string[];
  /** Ids of requests that the agent has answered itself: a late answer of the kernel is one too many. Bounded. */
  readonly answered: readonly string[];
  /** The kernel's process, by the session id in its messages' headers. */
  readonly process: string | undefined;
  /** Processes that are gone: what still arrives of theirs says nothing of the present one. */
  readonly formerProcesses: readonly string[];
  /** Where in the log the kernel was last restarted or died, 0 if it never was. */
  readonly restartedAt: number;
  /** The gateway was asked to restart it, and nothing has shown yet that it did: nothing is sent. */
  readonly isRestarting: boolean;
  readonly prompt: Prompt | undefined;
  /** The kernel takes the same bytes once, as far as it has said what it is. */
  readonly refusesRepeats: boolean;
}

export const NEW_KERNEL: KernelState = {
  channels: new Map(),
  lanes: new Map(),
  unanswered: new Map(),
  ending: [],
  owed: [],
  aborting: [],
  answered: [],
  process: undefined,
  formerProcesses: [],
  restartedAt: 0,
  isRestarting: false,
  prompt: undefined,
  refusesRepeats: false,
};

export const MAIN_LANE = 'shell';
export const STDIN_LANE = 'stdin';

export function laneOf(channel: string, subshell: string | undefined): string {
  if (channel === 'stdin') return STDIN_LANE;
  return subshell === undefined ? MAIN_LANE : `${MAIN_LANE}/${subshell}`;
}

export function subshellOf(lane: string): string | undefined {
  return lane.startsWith(`${MAIN_LANE}/`) ? lane.slice(MAIN_LANE.length + 1) : undefined;
}

/**
 * As its pages show it: a cell that waits for input is at work, one that has said that it is idle is not, whatever becomes of
 * its reply. Of a process that is gone nothing runs, even if it is not known yet what became of it.
 */
export function isBusy({ lanes }: KernelState): boolean {
  const running = [...lanes.values()].flatMap(({ running }) => running ?? []);
  return running.some(({ lostBy, hasIdled }) => lostBy === undefined && hasIdled !== true);
}

/**
 * What the agent's and the relay's own messages bear as their session: the kernel's. JupyterLab throws away what it has
 * still to show of one session as soon as it receives a message of another (`_assertCurrentMessage` in
 * @jupyterlab/services, src/kernel/default.ts).
 */
export function sessionOf({ process, formerProcesses }: KernelState): string {
  return process ?? formerProcesses.at(-1) ?? 'datalab';
}
