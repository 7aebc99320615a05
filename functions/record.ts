// The record of a session as it is stored: what is wanted and what was seen, not where we are; that, session.ts derives.
// intent.ts, agent-report.ts and plan.ts change records, each by returning a new one; revision.ts counts the change.
import { z } from 'zod';
import { ERROR_CODES, IDLE_ACTIONS, KERNEL_STATES, WANTS } from './contract.ts';

/** What is done to instances; `grant` lets the owner tunnel there. */
export const STEPS = ['insert', 'start', 'resume', 'suspend', 'stop', 'delete', 'grant'] as const;
export type StepKind = (typeof STEPS)[number];

const trouble = z.object({
  code: z.enum(ERROR_CODES),
  message: z.string(),
  /** The zone has no room: another one may. */
  isStockout: z.boolean().optional(),
});
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

/** What the owner asked for; it stays for the session's life. */
const sessionSpec = z.object({
  zone: z.string(),
  machineType: z.string(),
  diskSizeGb: z.number(),
  fallbackZones: z.array(z.string()).default([]),
  spot: z.boolean().default(false),
  /** Instead of the project's gateway image. */
  image: z.string().optional(),
  /** Absent: the one in the configuration. */
  serviceAccount: z.string().optional(),
  labels: z.record(z.string(), z.string()).default({}),
  idleTimeoutSeconds: z.number().default(1800),
  idleAction: z.enum(IDLE_ACTIONS).default('suspend'),
  maxLifetimeSeconds: z.number().optional(),
});

/** A sleep that the agent is asked to prepare, or has agreed to. */
const sleepTalk = z.object({
  /** Good for one answer. */
  nonce: z.string(),
  /** The idle action. */
  by: z.enum(IDLE_ACTIONS),
  askedAt: z.number(),
  /** When the question was first sent. */
  toldAt: z.number().optional(),
  /** The agent has agreed; its gate is shut until then. Nothing is put to sleep after it. */
  agreedUntil: z.number().optional(),
});
export type SleepTalk = z.infer<typeof sleepTalk>;

/** Stored records are checked for what we need; what a newer version has added is ignored. */
export const sessionRecord = z.object({
  uid: z.string(),
  /** For the conditional save: the store's own, and none before the first save. */
  version: z.string(),
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
  spec: sessionSpec,
  /** Which of the zones (the spec's, then its fallbacks) the instance is to be made in. */
  zoneIndex: z.int().default(0),
  /** Pinned by digest. */
  images: z.object({ gateway: z.string(), agent: z.string() }).optional(),
  /** The image that is being built for it, with its tag. */
  waitsForImage: z.string().optional(),
  instance: knownInstance.optional(),
  /** The id of the instance to which the owner was seen to have the right to tunnel. */
  grantedFor: z.string().optional(),
  claim: stepClaim.optional(),
  agent: knownAgent.optional(),
  /** Boots that are over: what they still send is dropped. Bounded. */
  pastBootIds: z.array(z.string()),
  /** Since when the instance runs without a gateway that answers. */
  bootingSince: z.number().optional(),
  /** The gateway has answered in this boot: from then on the instance may hold kernels. */
  mayHoldKernels: z.boolean().default(true),
  failure: trouble.optional(),
  /** A step that failed is not taken again before, unless somebody asks. */
  retryAt: z.number().optional(),
  /** Version of the key that the session's access token is made with. */
  keyVersion: z.number(),
  createdAt: z.number(),
  updatedAt: z.number(),
  /** Written by every start; the save of a sleep will fail when it has changed. */
  usedAt: z.number(),
  /** When something was going on last, as far as reports say; ms like all times here. */
  activeAt: z.number().default(0),
  /** Asked for with `:extend`. */
  awakeUntil: z.number().optional(),
  /** When it is suspended, busy or not. */
  lifetimeEndsAt: z.number().optional(),
  sleep: sleepTalk.optional(),
  /** Why the agreed suspend failed last: without a word it would fail at every idle timeout, for ever. */
  sleepTrouble: z.string().optional(),
  /** Started while the agent may be switching the machine off: if it goes off by then, that was our doing. */
  startAgainUntil: z.number().optional(),
  /** Counts what the agent was asked; every nonce is of another count. */
  sleepCount: z.int().default(0),
  /** When to look again, should this process die now; absent when nothing is under way. */
  dueAt: z.number().optional(),
  timeline: z.array(z.object({ at: z.number(), message: z.string() })),
});
export type SessionRecord = z.infer<typeof sessionRecord>;
