// The policies of this project's tunnel instances. They are kept under the instance's id, so an instance that is
// deleted and made again under the same name has none.
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { z } from 'zod';
import { rpcError } from '../google-error.ts';
import { openStateFile } from '../state.ts';
import {
  allowsTunnel,
  binding,
  hasConditions,
  invalid,
  normalize,
  withoutConditions,
  type Binding,
} from './policy.ts';

const stored = z.object({ etag: z.string(), bindings: z.array(binding) });
type Stored = z.infer<typeof stored>;

export const policyRequest = z.strictObject({
  version: z.int().default(0),
  etag: z.string().optional(),
  bindings: z.array(binding).default([]),
});
export type PolicyRequest = z.infer<typeof policyRequest>;

export interface Policy {
  version?: number;
  etag: string;
  bindings?: Binding[];
}

export interface Policies {
  /** @param version the highest that the caller understands: 0, 1 or 3 */
  get(instanceId: string, version: number): Policy;
  /** @throws GoogleError ABORTED when the policy has changed since the caller read it */
  set(instanceId: string, policy: PolicyRequest): Policy;
  allows(instanceId: string, email: string, port: number): boolean;
}

export interface PoliciesOptions {
  stateDir: string;
  /** Ids of the instances that there are: what belongs to others is forgotten. */
  instanceIds: () => readonly string[];
  userExists: (email: string) => boolean;
}

/** What Google calls the state of a policy that nobody has set. */
const NO_POLICY: Stored = { etag: 'ACAB', bindings: [] };

export function openPolicies(options: PoliciesOptions): Policies {
  const record = z.object({ policies: z.record(z.string(), stored) });
  const file = path.join(options.stateDir, 'iap.json');
  const state = openStateFile(file, record, () => ({ policies: {} }));
  const read = (id: string) => state.value.policies[id] ?? NO_POLICY;
  return {
    get: (id, version) => {
      checkVersion(version);
      return show(read(id), version);
    },
    set: (id, request) => {
      const bindings = checkRequest(request, read(id), options.userExists);
      const ids = options.instanceIds();
      const others = Object.entries(state.value.policies).filter(([other]) => ids.includes(other));
      const next = { etag: randomBytes(8).toString('base64'), bindings };
      state.value.policies = Object.fromEntries([...others, [id, next]]);
      state.save();
      return show(next, 3);
    },
    allows: (id, email, port) => allowsTunnel(read(id).bindings, email, port),
  };
}

function checkRequest(
  { version, etag, bindings }: PolicyRequest,
  current: Stored,
  userExists: (email: string) => boolean,
): Binding[] {
  checkVersion(version);
  if (etag !== undefined && etag !== '' && etag !== current.etag) throw concurrentChange();
  if (version < 3 && hasConditions(bindings)) {
    const why = 'Policy with conditional role bindings must have version 3.';
    throw invalid(why);
  }
  // Without an etag Google lets conditions be lost; with one it takes the caller to know better.
  if (version < 3 && etag && hasConditions(current.bindings)) {
    throw invalid('Version must be 3 to change a policy that includes conditional role bindings.');
  }
  return normalize(bindings, userExists);
}

function checkVersion(version: number): void {
  if (![0, 1, 3].includes(version)) throw invalid(`Invalid policy version: ${version}.`);
}

function show({ etag, bindings }: Stored, version: number): Policy {
  if (bindings.length === 0) return { etag };
  const isConditional = hasConditions(bindings);
  if (isConditional && version < 3) {
    return { version: 1, etag, bindings: withoutConditions(bindings) };
  }
  return { version: isConditional ? 3 : 1, etag, bindings };
}

function concurrentChange() {
  const why =
    'There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff. ' +
    "The request's ETag did not match the current policy's ETag.";
  return rpcError('ABORTED', why);
}
