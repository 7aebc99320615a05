// Where a session is, derived from its record (pure): `stateOf`, the table of states, and what decisions ask of a record.
import type { KernelActivity, SessionState, Want } from './contract.ts';
import { assertNever } from './errors.ts';
import type { KnownInstance, SessionRecord, StepKind } from './record.ts';

/**
 * Which states may follow which. ARCHITECTURE.md draws it; a test holds the two against each other. Some seem to skip
 * one: what others do to an instance is seen late, and what is asked for shows at once.
 */
// prettier-ignore
export const NEXT_STATES: Readonly<Record<SessionState, readonly SessionState[]>> = {
  PENDING: ['BUILDING_IMAGE', 'CREATING', 'STOPPED', 'DELETING', 'FAILED'],
  BUILDING_IMAGE: ['CREATING', 'STOPPED', 'DELETING', 'FAILED'],
  CREATING: ['BOOTING', 'READY', 'STARTING', 'RESUMING', 'SUSPENDING', 'STOPPING', 'DELETING', 'FAILED'],
  BOOTING: ['READY', 'CREATING', 'STARTING', 'RESUMING', 'SUSPENDING', 'SUSPENDED', 'STOPPING', 'STOPPED',
    'DELETING', 'FAILED'],
  READY: ['BOOTING', 'CREATING', 'STARTING', 'RESUMING', 'SUSPENDING', 'SUSPENDED', 'STOPPING', 'STOPPED',
    'DELETING', 'FAILED'],
  SUSPENDING: ['STARTING', 'CREATING', 'SUSPENDED', 'RESUMING', 'BOOTING', 'READY', 'STOPPING', 'STOPPED', 'DELETING', 'FAILED'],
  SUSPENDED: ['SUSPENDING', 'RESUMING', 'STARTING', 'CREATING', 'BOOTING', 'READY', 'STOPPING', 'STOPPED', 'DELETING',
    'FAILED'],
  RESUMING: ['SUSPENDED', 'STOPPED', 'BOOTING', 'READY', 'STARTING', 'CREATING', 'SUSPENDING', 'STOPPING', 'DELETING', 'FAILED'],
  STOPPING: ['SUSPENDING', 'STOPPED', 'STARTING', 'RESUMING', 'CREATING', 'BOOTING', 'READY', 'DELETING', 'FAILED'],
  STOPPED: ['PENDING', 'STARTING', 'BOOTING', 'SUSPENDED', 'STOPPING', 'DELETING', 'FAILED'],
  STARTING: ['BOOTING', 'READY', 'CREATING', 'RESUMING', 'SUSPENDING', 'SUSPENDED', 'STOPPING', 'STOPPED', 'DELETING',
    'FAILED'],
  DELETING: ['FAILED'],
  FAILED: ['SUSPENDING', 'PENDING', 'CREATING', 'STARTING', 'RESUMING', 'BOOTING', 'READY', 'SUSPENDED', 'STOPPING',
    'STOPPED', 'DELETING'],
};

/** What the user sees. A claim shows at once: STOPPING, not READY. */
export function stateOf(record: SessionRecord): SessionState {
  if (record.failure) return 'FAILED';
  if (record.want === 'deleted') return 'DELETING';
  const phase = phaseOf(record.instance);
  if (record.want === 'stopped' && record.isWantPending) return stoppingState(record, phase);
  if (record.claim) {
    const isUp = phase === 'running' && record.want === 'running';
    const { step } = record.claim;
    return isUp && isRaising(step) ? bootState(record) : claimState(record, step);
  }
  return instanceState(record, phase);
}

/** Google's statuses, reduced to what decisions need. */
export type Phase =
  'none' | 'rising' | 'running' | 'stopping' | 'stopped' | 'suspending' | 'suspended' | 'gone';

export function phaseOf(instance: KnownInstance | undefined): Phase {
  if (!instance) return 'none';
  if (instance.isGone) return 'gone';
  switch (instance.status) {
    case 'RUNNING':
      return 'running';
    case 'TERMINATED':
    case 'STOPPED':
      return 'stopped';
    case 'STOPPING':
    case 'PENDING_STOP':
    case 'DEPROVISIONING':
      return 'stopping';
    case 'SUSPENDING':
      return 'suspending';
    case 'SUSPENDED':
      return 'suspended';
    default:
      // PROVISIONING, STAGING, REPAIRING, and words that Google has yet to invent: wait and look again.
      return 'rising';
  }
}

/** The gateway answers, and its owner may tunnel there. */
export function isUsable({ agent, instance, grantedFor }: SessionRecord): boolean {
  const isGranted = instance !== undefined && grantedFor === instance.id;
  return agent?.report?.gatewayReady === true && isGranted;
}

/** A kernel that does something, or is about to: one that waits for input does not. */
export function isAtWork({ state }: { state: KernelActivity['state'] }): boolean {
  return state === 'busy' || state === 'starting';
}

/** Where the instance is, or is to be made. */
export function zoneOf({ instance, spec, zoneIndex }: SessionRecord): string {
  return instance?.zone ?? zonesOf(spec)[zoneIndex] ?? spec.zone;
}

export function zonesOf(spec: SessionRecord['spec']): readonly string[] {
  return [spec.zone, ...spec.fallbackZones];
}

/** The step works towards `want`; one that does not is let run out, and not called again. */
export function isWanted(step: StepKind, want: Want): boolean {
  switch (step) {
    case 'insert':
    case 'start':
    case 'resume':
    case 'grant':
      return want === 'running';
    case 'suspend':
      return want === 'suspended';
    case 'stop':
      return want === 'stopped';
    case 'delete':
      return want === 'deleted';
    default:
      return assertNever(step);
  }
}

function isRaising(step: StepKind): boolean {
  return isWanted(step, 'running');
}

function bootState(record: SessionRecord): SessionState {
  return isUsable(record) ? 'READY' : 'BOOTING';
}

function claimState(record: SessionRecord, step: StepKind): SessionState {
  switch (step) {
    case 'insert':
      return 'CREATING';
    case 'start':
      return 'STARTING';
    case 'resume':
      return 'RESUMING';
    case 'suspend':
      return 'SUSPENDING';
    case 'grant':
      return bootState(record);
    case 'stop':
      return 'STOPPING';
    case 'delete':
      return 'DELETING';
    default:
      return assertNever(step);
  }
}

/** Asked to stop: a step under way may still have to end first. */
function stoppingState({ claim }: SessionRecord, phase: Phase): SessionState {
  const isOff = phase === 'none' || phase === 'gone' || phase === 'stopped';
  return isOff && !claim ? 'STOPPED' : 'STOPPING';
}

function instanceState(record: SessionRecord, phase: Phase): SessionState {
  const isWaking = record.want === 'running' && record.isWantPending;
  switch (phase) {
    case 'none':
    case 'gone':
      if (record.want !== 'running') return 'STOPPED';
      return record.waitsForImage === undefined ? 'PENDING' : 'BUILDING_IMAGE';
    case 'rising':
      return record.instance?.hasRun === true ? 'STARTING' : 'CREATING';
    case 'running':
      if (record.want === 'suspended' && record.isWantPending) return 'SUSPENDING';
      return bootState(record);
    case 'stopping':
      return 'STOPPING';
    case 'stopped':
      return isWaking ? 'STARTING' : 'STOPPED';
    case 'suspending':
      return 'SUSPENDING';
    case 'suspended':
      return isWaking ? 'RESUMING' : 'SUSPENDED';
    default:
      return assertNever(phase);
  }
}
