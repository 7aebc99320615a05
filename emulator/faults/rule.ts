// What a fault rule is: which calls it is for, how often, and what happens to them. Parsed at the control API.
import { z } from 'zod';
import { operationFault } from './operation-fault.ts';
import { SERVICES, type Service } from './service.ts';

/** A delay beyond what any caller waits is asked for as `timeout`. */
const MAX_DELAY_MILLISECONDS = 3_600_000;

const what = {
  /** Answered with this instead of being done, in the form of the service's own errors. */
  error: z
    .strictObject({
      status: z.int().min(400).max(599),
      reason: z.string().regex(/^\w{1,100}$/),
      message: z.string().max(1000).optional(),
    })
    .optional(),
  /** Done later. */
  delay: z.strictObject({ milliseconds: z.number().min(0).max(MAX_DELAY_MILLISECONDS) }).optional(),
  /** Never answered, and not done; the caller gives up. */
  timeout: z.literal(true).optional(),
  /** Done, and the connection is dropped without an answer. */
  loseReply: z.literal(true).optional(),
  /** The connection is dropped, nothing is done. */
  loseRequest: z.literal(true).optional(),
  /** Taken; the operation that the call begins fails later. */
  operationError: operationFault.optional(),
  /** Of messages of Pub/Sub, whose topic `path` is matched with: never delivered, or twice. */
  drop: z.literal(true).optional(),
  double: z.literal(true).optional(),
};
export const FAULTS = Object.keys(what) as (keyof typeof what)[];

const path = z.string().max(500).refine(isPattern, 'must be a regular expression');

export const faultRule = z
  .strictObject({
    method: z.string().toUpperCase().optional(),
    /** A regular expression, looked for in the call's path (without the query). */
    path: path.default(''),
    service: z.enum(SERVICES).optional(),
    /** So many matching calls pass first. */
    after: z.int().min(0).default(0),
    /** So many are hit then. */
    times: z.int().min(1).default(1),
    ...what,
  })
  .refine((rule) => FAULTS.filter((name) => rule[name] !== undefined).length === 1, {
    message: `must have exactly one of: ${FAULTS.join(', ')}`,
  });
export type FaultRule = z.infer<typeof faultRule>;

export interface Seen {
  method: string;
  path: string;
  service: Service | undefined;
}

export function matches(rule: FaultRule, { method, path, service }: Seen): boolean {
  return (
    (rule.method === undefined || rule.method === method) &&
    (rule.service === undefined || rule.service === service) &&
    new RegExp(rule.path).test(path)
  );
}

/** Whether it is for messages of Pub/Sub, which are no calls. */
export function isForMessages(rule: FaultRule): boolean {
  return rule.drop !== undefined || rule.double !== undefined;
}

function isPattern(text: string): boolean {
  try {
    new RegExp(text);
    return true;
  } catch {
    return false;
  }
}
