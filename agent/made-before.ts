// Has the gateway done what it was asked for when its answer was lost? creations.ts asks before it asks the gateway again.
// It goes by what the gateway has now; a kernel that somebody else may have made is nobody's answer.
import { z } from 'zod';
import { assertNever } from './assert-never.ts';
import type { CreationRecord } from './creation-records.ts';
import type { Gateway, GatewayAnswer } from './gateway.ts';

const kernelModel = z.looseObject({ id: z.string(), name: z.string() });
const sessionModel = z.looseObject({
  id: z.string(),
  path: z.string().optional(),
  kernel: z.looseObject({ id: z.string() }).nullish(),
});
type Session = z.infer<typeof sessionModel>;

/** It cannot be known whether this has been done: the caller is told so and may ask again. */
export class UnsettledError extends Error {
  override name = 'UnsettledError';
}

const UNTOLD =
  'The connection broke while a kernel was made, and more than one may be it. ' +
  'See which kernels run, and end those that nobody needs; then start one anew.';

export interface Looking {
  gateway: Pick<Gateway, 'read'>;
  /** The earlier try. */
  earlier: CreationRecord;
  /** What else was asked for, read when it is needed: it changes meanwhile. */
  others: () => CreationRecord[];
  /** The gateway has been asked by this agent for something else and has not answered yet. */
  isBusy: () => boolean;
  /** Kernels that were found here for somebody; what is found is added. */
  claimed: Set<string>;
}

/**
 * @returns undefined: there is nothing of it, or not yet
 * @throws UnsettledError if there is something that may be of this or of another request
 */
export async function findMade(looking: Looking): Promise<GatewayAnswer | undefined> {
  const { gateway, earlier } = looking;
  const sessions = z.array(sessionModel).parse(await gateway.read('/api/sessions'));
  switch (earlier.kind) {
    case 'kernel':
      return await findKernel(looking, sessions);
    case 'session':
      // Of a notebook the gateway has one session and gives no other, whoever asks.
      return found(sessions.find(({ path }) => path === earlier.subject));
    case 'change':
      return found(
        sessions.find((session) => isChanged(session, earlier)),
        200,
      );
    default:
      return assertNever(earlier.kind);
  }
}

/** Ids of the kernels that an answer is about. */
export function kernelsIn({ answer }: CreationRecord): string[] {
  const model = sessionModel.safeParse(answer && parseJson(answer.body));
  if (!model.success) return [];
  return [model.data.id, ...(model.data.kernel ? [model.data.kernel.id] : [])];
}

/**
 * Every kernel is made through the agent. So one that is new, that no answer names and that runs no notebook is of one of the
 * requests whose answers were lost; of those that asked for the same any may have it.
 */
async function findKernel(
  { gateway, earlier, others, isBusy, claimed }: Looking,
  sessions: readonly Session[],
): Promise<GatewayAnswer | undefined> {
  const kernels = z.array(kernelModel).parse(await gateway.read('/api/kernels'));
  const all = others();
  const taken = new Set([
    ...earlier.before,
    ...claimed,
    ...all.flatMap(kernelsIn),
    ...sessions.flatMap(({ kernel }) => kernel?.id ?? []),
  ]);
  const candidates = kernels.filter(({ id, name }) => !taken.has(id) && mayBeNamed(earlier, name));
  const [kernel] = candidates;
  // What is under way may have made it.
  if (!kernel || isBusy()) return undefined;
  const lost = all.filter(
    (other) => !other.answer && other.gateway === earlier.gateway && mayBeNamed(other, kernel.name),
  );
  const areAlike = lost.every(
    ({ kind, subject }) => kind === 'kernel' && subject === earlier.subject,
  );
  if (!areAlike || candidates.length > lost.length + 1) throw new UnsettledError(UNTOLD);
  claimed.add(kernel.id);
  return found(kernel);
}

function mayBeNamed({ kernelName }: CreationRecord, name: string): boolean {
  return kernelName === undefined || kernelName === name;
}

function isChanged({ id, kernel }: Session, { subject, before }: CreationRecord): boolean {
  return id === subject && kernel?.id !== undefined && !before.includes(kernel.id);
}

function found(model: object | undefined, status = 201): GatewayAnswer | undefined {
  if (!model) return undefined;
  const body = Buffer.from(JSON.stringify(model));
  return { status, headers: ['Content-Type', 'application/json'], body };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
