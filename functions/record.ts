// The record of a session as it is stored: what is wanted and what was seen, not where we are; that, session.ts derives.
// intent.ts, agent-report.ts and plan.ts change records, each by returning a new one; revision.ts counts the change.
import { z } from 'zod';
import { ERROR_CODES, KERNEL_STATES, WANTS } from './contract.ts';

/** What is done to instances; sleeping adds `suspend`, building images a step of its own. */
export const STEPS = ['insert', 'start', 'resume', 'stop', 'delete'] as const;
export type StepKind = (typeof STEPS)[number];

const trouble = z.object({ code: z.enum(ERROR_CODES), message: z.string() });
export type Trouble = z.infer<typeof trouble>;

/** Saved before the step is done: who finds it knows that somebody may be doing it. Times: ms since the epoch. */
const stepClaim = z.object({
  step: z.enum(STEPS),
  attempt: z.int(),
  requestId: z.string(),
  /** Calls begin before it. Nobody opposes the step, or believes that it did not happen, earlier. */
  deadline: z.number(),
  /** Until here somebody may be waiting for Google's answer; after it the call may be repeated. */
  callUntil: z.number(),
  /** Google's name of the operation, once it was seen. */
  operation: z.string().optional(),
  /** Why the last call has no certain outcome. */
  trouble: trouble.optional(),
});
export type StepClaim = z.infer<typeof stepClaim>;

/** The instance of this generation as it was seen last. From here on the generation is never inserted again. */
const knownInstance = z.object({
  id: z.string(),
  name: z.string(),
  zone: z.string(),
  /** Google's word. */
  status: z.string(),
  internalIp: z.string().optional(),
  /** Google's lastStartTimestamp: it tells one boot from the next. */
  startedAt: z.string().optional(),
  hasRun: z.boolean(),
  /** Deleted, by us or by somebody else. */
  isGone: z.boolean(),
});
export type KnownInstance = z.infer<typeof knownInstance>;

const kernel = z.object({
  id: z.string(),
  name: z.string(),
  state: z.enum(KERNEL_STATES),
  connections: z.number(),
  idleSeconds: z.number(),
});

/** The agent of the present boot. */
const knownAgent = z.object({
  bootId: z.string(),
  version: z.string(),
  /** The instance's `startedAt` that belongs to this boot; absent until it was seen running. */
  instanceStartedAt: z.string().optional(),
  report: z
    .object({
      wake: z.number(),
      sequence: z.number(),
      gatewayReady: z.boolean(),
      kernels: z.array(kernel),
      receivedAt: z.number(),
    })
    .optional(),
});
export type KnownAgent = z.infer<typeof knownAgent>;

/** Stored records are checked for what we need; what a newer version has added is ignored. */
export const sessionRecord = z.object({
  uid: z.string(),
  /** For the conditional save: counts saves. */
  version: z.number(),
  /** Counts changes that a user could see. */
  revision: z.number(),
  name: z.string(),
  owner: z.object({ subject: z.string(), email: z.string() }),
  want: z.enum(WANTS),
  /** Somebody asked for `want` and the instance has not been there since. Later departures are others' doing. */
  isWantPending: z.boolean(),
  /** Counts instances; 0 before the first. */
  generation: z.number(),
  /** Of the next step; goes up once the operation with the id that it makes is done. */
  attempt: z.number(),
  spec: z.object({ zone: z.string(), machineType: z.string(), diskSizeGb: z.number() }),
  /** Pinned by digest. */
  images: z.object({ gateway: z.string(), agent: z.string() }).optional(),
  instance: knownInstance.optional(),
  claim: stepClaim.optional(),
  agent: knownAgent.optional(),
  /** Boots that are over: what they still send is dropped. Bounded. */
  pastBootIds: z.array(z.string()),
  /** Since when the instance runs without a gateway that answers. */
  bootingSince: z.number().optional(),
  failure: trouble.optional(),
  /** Version of the key that the session's access token is made with. */
  keyVersion: z.number(),
  createdAt: z.number(),
  updatedAt: z.number(),
  /** Written by every start; the save of a sleep will fail when it has changed. */
  usedAt: z.number(),
  /** When to look again, should this process die now; absent when nothing is under way. */
  dueAt: z.number().optional(),
  timeline: z.array(z.object({ at: z.number(), message: z.string() })),
});
export type SessionRecord = z.infer<typeof sessionRecord>;
