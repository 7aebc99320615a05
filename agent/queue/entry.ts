// The entries of a kernel's log (types, and their JSON form for the disk). Those with a message have its bytes as body.
import { z } from 'zod';
import type { KernelState } from './state.ts';
import { NEW_KERNEL } from './state.ts';

const text = z.string();
const position = z.number().int().min(0);
const cause = z.enum([
  'error',
  'restarted',
  'stopped',
  'died',
  'tooLate',
  'overtaken',
  'notNow',
  'unknown',
  'endUnseen',
  'idleUnseen',
  'done',
]);

/** A front-end's request; the body is its message. */
const request = z.object({
  kind: z.literal('request'),
  channel: text,
  /** Of the relay's count; 0 for what it does not count. */
  number: position,
  id: text,
  type: text,
  lane: text,
  isControl: z.boolean().optional(),
  stopsOnError: z.boolean().optional(),
  /** Answered by the agent for this reason; it goes to no kernel. */
  refused: cause.optional(),
  /** Nobody waits for it, and it would do harm: an input for a prompt that is over. */
  isIgnored: z.boolean().optional(),
  /** An input that answers the open prompt. */
  answersPrompt: z.boolean().optional(),
  /** With control messages: the connection that they go out on at once. */
  sentOn: text.optional(),
});

/** Written before a request's bytes are handed to the gateway. */
const sent = z.object({
  kind: z.literal('sent'),
  lane: text,
  sequence: position,
  connection: text,
});

/** For front-ends; the body is the message. */
const message = z.object({
  kind: z.literal('message'),
  /** Absent: for every channel. Empty: for none. */
  to: text.optional(),
  type: text,
  parent: text.optional(),
  /** The kernel's process. */
  process: text.optional(),
  executionState: text.optional(),
  /** Of an `execute_reply`. */
  status: text.optional(),
  /** Of an `input_request`. */
  prompt: text.optional(),
  /** Of a `kernel_info_reply`. */
  refusesRepeats: z.boolean().optional(),
  /** A part of the answer that the agent owes to the request with this sequence number. */
  owed: position.optional(),
});

/** The answer to the agent's own question, which the kernel gives after all that came before it in that lane. */
const fenced = z.object({
  kind: z.literal('fenced'),
  lane: text,
  connection: text,
  process: text,
  /** The kernel refuses the same bytes a second time. */
  isSafeToResend: z.boolean(),
});

const channel = z.object({
  kind: z.literal('channel'),
  key: text,
  incarnation: text,
  epoch: position,
  previousEpoch: position.optional(),
});
const channelConfirmed = z.object({ kind: z.literal('channelConfirmed'), key: text });
const channelGone = z.object({ kind: z.literal('channelGone'), key: text });

/** The kernel is about to be restarted: what waits goes on waiting. */
const restarting = z.object({ kind: z.literal('restarting') });
/** It was not, as far as is known: what waits goes on. */
const restartFailed = z.object({ kind: z.literal('restartFailed') });

/** A front-end wanted it to be started anew by a message, and the gateway has done it. */
const shutdownDone = z.object({ kind: z.literal('shutdownDone') });
/** A front-end wanted it to end, and it has not, as far as is known. */
const shutdownFailed = z.object({ kind: z.literal('shutdownFailed') });

/** The kernel is another process, or none. */
const restarted = z.object({
  kind: z.literal('restarted'),
  cause: z.enum(['restarted', 'died']),
  /** There is no new process. */
  isFinal: z.boolean().optional(),
});

export const entrySchema = z.discriminatedUnion('kind', [
  request,
  sent,
  message,
  fenced,
  channel,
  channelConfirmed,
  channelGone,
  restarting,
  restartFailed,
  shutdownDone,
  shutdownFailed,
  restarted,
]);

export type Entry = z.infer<typeof entrySchema>;
export type RequestEntry = z.infer<typeof request>;
export type MessageEntry = z.infer<typeof message>;
export type FencedEntry = z.infer<typeof fenced>;

/** What a segment of the log begins with: everything that came before, in short. */
export type Snapshot = ReturnType<typeof toSnapshot>;

export function toSnapshot(state: KernelState) {
  return {
    ...state,
    channels: [...state.channels],
    lanes: [...state.lanes],
    unanswered: [...state.unanswered],
  };
}

/**
 * Of `toSnapshot` after a way through JSON; written by this program, so its shape is trusted. One of an older agent lacks
 * what has come since, and JSON leaves out what is undefined.
 */
export function fromSnapshot(snapshot: Snapshot): KernelState {
  return {
    ...NEW_KERNEL,
    ...snapshot,
    channels: new Map(snapshot.channels),
    lanes: new Map(snapshot.lanes),
    unanswered: new Map(snapshot.unanswered),
  };
}
