// Whether the gate before the kernels is open, and what of sleep was agreed (pure). gate.ts acts on it.
//
// The order is what makes it safe: the gate is shut first, the agent looks after that, and only then it agrees. So
// nothing is delivered between the look and the sleep. A nonce is agreed once, and for a bounded time.
//
// What is best for a user who runs a cell while the gate is shut depends on who acts next:
// - Before a suspend it is the API, which may have asked Google already; that cannot be taken back. So the cell waits
//   in the agent's memory and runs, once, when the machine is awake: delivered now it would be cut in its middle,
//   with every connection that it has opened. An early report tells the API that somebody is there. If nothing was
//   asked of Google yet, the answer is "awake", and the cell has waited for a second.
// - Before a stop or a delete it is the agent alone, and what it holds would be lost with its memory. So it takes
//   back what it agreed to and delivers the cell at once.
import type { IdleAction, ReportRequest, ReportResponse } from '../functions/contract.ts';
import { GATE_SECONDS } from '../functions/contract.ts';

type Phase =
  | { readonly kind: 'open' }
  /** Asked to prepare: shut, and the agent looks whether anything runs. */
  | { readonly kind: 'looking'; readonly nonce: string; readonly by: IdleAction }
  /** Shut until then, in milliseconds since boot: sleep counts. */
  | {
      readonly kind: 'agreed';
      readonly nonce: string;
      readonly by: IdleAction;
      readonly until: number;
      /** Somebody waits at the gate. */
      readonly isWanted: boolean;
    }
  /** Told to switch off what was agreed, or, without a nonce, forgotten by everybody: looks once more. */
  | { readonly kind: 'lookingLast'; readonly nonce: string | undefined; readonly until: number }
  /** For good: the machine is being switched off. */
  | { readonly kind: 'off' };

export interface Answer {
  readonly nonce: string;
  readonly isAgreed: boolean;
}

export interface GateState {
  readonly phase: Phase;
  /** Goes up with every change of phase: an answer to a report from before it is of no account. */
  readonly version: number;
  /** For the next report; stays until one has arrived. */
  readonly answer: Answer | undefined;
  /** Nonces that were asked before. Bounded. */
  readonly spent: readonly string[];
}

export type Sleep = NonNullable<ReportResponse['sleep']>;

const REMEMBERED_NONCES = 64;

export const OPEN_GATE: GateState = {
  phase: { kind: 'open' },
  version: 0,
  answer: undefined,
  spent: [],
};

export function isOpen({ phase }: GateState): boolean {
  return phase.kind === 'open';
}

/** `version` is that of the state which the answered report was made of. */
export function afterResponse(
  state: GateState,
  version: number,
  { isAwake, sleep }: Pick<ReportResponse, 'isAwake' | 'sleep'>,
  now: number,
): GateState {
  if (state.phase.kind === 'off') return state;
  if (sleep?.action === 'prepare') return afterPrepare(state, sleep);
  if (sleep?.action === 'switchOff') return afterSwitchOff(state, sleep.nonce, now);
  return isAwake && version === state.version ? opened(state) : state;
}

/** The look that `phase` asked for is done. */
export function afterLook(state: GateState, isIdle: boolean, now: number): GateState {
  const { phase } = state;
  if (phase.kind !== 'looking' && phase.kind !== 'lookingLast') return state;
  if (!isIdle) return opened(state);
  if (phase.kind === 'lookingLast') {
    return now < phase.until ? withPhase(state, { kind: 'off' }) : opened(state);
  }
  const { nonce, by } = phase;
  const until = now + GATE_SECONDS * 1000;
  const agreed = withPhase(state, { kind: 'agreed', nonce, by, until, isWanted: false });
  return { ...agreed, answer: { nonce, isAgreed: true } };
}

/** A front-end wants something of a kernel, and the gate is shut. */
export function afterUse(state: GateState): GateState {
  const { phase } = state;
  if (phase.kind !== 'agreed') return opened(state);
  if (phase.by !== 'suspend') return refused(opened(state), phase.nonce);
  return phase.isWanted ? state : { ...state, phase: { ...phase, isWanted: true } };
}

/** The machine has slept: what was seen before is old, what was agreed before holds until its end. */
export function afterWake(state: GateState): GateState {
  const { kind } = state.phase;
  return kind === 'looking' || kind === 'lookingLast' ? opened(state) : state;
}

export function afterTime(state: GateState, now: number): GateState {
  const { phase } = state;
  if (phase.kind !== 'agreed' && phase.kind !== 'lookingLast') return state;
  return now < phase.until ? state : opened(state);
}

/** Nobody cares for this machine: looks, and switches it off. */
export function afterForgotten(state: GateState): GateState {
  if (!isOpen(state)) return state;
  return withPhase(state, { kind: 'lookingLast', nonce: undefined, until: Infinity });
}

/** What a report says of sleep. An agreement is said with what is left of it. */
export function wordOf(state: GateState, now: number): ReportRequest['sleep'] {
  const { answer, phase } = state;
  if (answer === undefined) return undefined;
  const { nonce } = answer;
  const isHeld = phase.kind === 'agreed' && phase.nonce === nonce && now < phase.until;
  const isAgreed = answer.isAgreed && isHeld;
  return { nonce, isAgreed, forSeconds: isAgreed ? Math.floor((phase.until - now) / 1000) : 0 };
}

/** A report with this answer has arrived. */
export function afterSaid(state: GateState, answer: Answer | undefined): GateState {
  return state.answer === answer ? { ...state, answer: undefined } : state;
}

/** Another nonce than the one under way replaces it: who asks anew has not asked Google for anything. */
function afterPrepare(state: GateState, { nonce, by }: Sleep): GateState {
  const { phase, spent } = state;
  if (phase.kind !== 'open' && phase.kind !== 'off' && phase.nonce === nonce) {
    return phase.kind === 'agreed' ? { ...state, answer: { nonce, isAgreed: true } } : state;
  }
  if (spent.includes(nonce)) return refused(state, nonce);
  const next = { ...state, spent: [...spent, nonce].slice(-REMEMBERED_NONCES) };
  if (phase.kind === 'agreed' && phase.isWanted) return refused(opened(next), nonce);
  return { ...withPhase(next, { kind: 'looking', nonce, by }), answer: undefined };
}

function afterSwitchOff(state: GateState, nonce: string, now: number): GateState {
  const { phase } = state;
  if (phase.kind === 'lookingLast' && phase.nonce === nonce) return state;
  const isHeld = phase.kind === 'agreed' && phase.nonce === nonce && now < phase.until;
  if (!isHeld || phase.by === 'suspend') return refused(state, nonce);
  return withPhase(state, { kind: 'lookingLast', nonce, until: phase.until });
}

/** What was under way is over. Of an agreement that has been said, and has ended, nothing more is said. */
function opened(state: GateState): GateState {
  const { phase } = state;
  if (phase.kind === 'open' || phase.kind === 'off') return state;
  const next = withPhase(state, { kind: 'open' });
  if (phase.kind === 'agreed' || phase.nonce === undefined) return next;
  return refused(next, phase.nonce);
}

function refused(state: GateState, nonce: string): GateState {
  return { ...state, answer: { nonce, isAgreed: false } };
}

function withPhase(state: GateState, phase: Phase): GateState {
  return { ...state, phase, version: state.version + 1 };
}
