// States for the tables over `plan`, made from aRecord of the store's contract: a session that has an instance, what is
// seen of it, and a claim.
import type { SeenInstance, SeenOperation } from '../../functions/observe.ts';
import type { KnownInstance, SessionRecord, StepClaim, StepKind } from '../../functions/record.ts';
import { aRecord } from './store/store-contract.ts';
import { IMAGES, testConfig } from './world.ts';

export const CONFIG = testConfig();
export const NOW = 1_000_000_000;

const ZONE = 'europe-west1-b';
const NAME = 'datalab-a-1';

export function seen(status: string): SeenInstance {
  return { id: '1', name: NAME, zone: ZONE, status, labels: {} };
}

export function known(status: string, isGone = false): KnownInstance {
  return { id: '1', name: NAME, zone: ZONE, status, hasRun: true, isGone };
}

/** A session of its first generation, whose instance has that status, in Google's words. */
export function withInstance(
  status: string,
  overrides: Partial<SessionRecord> = {},
): SessionRecord {
  return aRecord('a', { images: IMAGES, generation: 1, instance: known(status), ...overrides });
}

/** As it is from the save of the claim on: calls until `NOW` + 11 s, nobody opposes it until `NOW` + 120 s. */
export function claimed(step: StepKind, overrides: Partial<StepClaim> = {}): StepClaim {
  const [deadline, callUntil] = [NOW + 120_000, NOW + 11_000];
  return { step, attempt: 1, requestId: 'r', deadline, callUntil, ...overrides };
}

export function operation(
  status: SeenOperation['status'],
  overrides: Partial<SeenOperation> = {},
): SeenOperation {
  return { name: 'operation-1', status, targetId: '1', ...overrides };
}
