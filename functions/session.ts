// Where a session is, derived from its record (pure): `stateOf`, the table of states, and what decisions ask of a record.
import type { SessionState, Want } from './contract.ts';
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
  CREATING: ['BOOTING', 'READY', 'STARTING', 'RESUMING', 'STOPPING', 'DELETING', 'FAILED'],
  BOOTING: ['READY', 'CREATING', 'STARTING', 'RESUMING', 'SUSPENDING', 'SUSPENDED', 'STOPPING', 'STOPPED',
    'DELETING', 'FAILED'],
  READY: ['BOOTING', 'CREATING', 'STARTING', 'RESUMING', 'SUSPENDING', 'SUSPENDED', 'STOPPING', 'STOPPED',
    'DELETING', 'FAILED'],
  SUSPENDING: ['SUSPENDED', 'RESUMING', 'BOOTING', 'READY', 'STOPPING', 'STOPPED', 'DELETING', 'FAILED'],
  SUSPENDED: ['RESUMING', 'STARTING', 'CREATING', 'BOOTING', 'READY', 'STOPPING', 'STOPPED', 'DELETING',
    'FAILED'],
  RESUMING: ['BOOTING', 'READY', 'STARTING', 'CREATING', 'STOPPING', 'DELETING', 'FAILED'],
  STOPPING: ['STOPPED', 'STARTING', 'RESUMING', 'CREATING', 'BOOTING', 'READY', 'DELETING', 'FAILED'],
  STOPPED: ['PENDING', 'STARTING', 'BOOTING', 'SUSPENDED', 'STOPPING', 'DELETING', 'FAILED'],
  STARTING: ['BOOTING', 'READY', 'CREATING', 'RESUMING', 'SUSPENDED', 'STOPPING', 'STOPPED', 'DELETING',
    'FAILED'],
  DELETING: ['FAILED'],
  FAILED: ['PENDING', 'CREATING', 'STARTING', 'RESUMING', 'BOOTING', 'READY', 'SUSPENDED', 'STOPPING',
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
    return isUp && isRaising(record.claim.step) ? bootState(record) : claimState(record.claim.step);
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

export function isGatewayReady(record: SessionRecord): boolean {
  return record.agent?.report?.gatewayReady === true;
}

/** The step works towards `want`; one that does not is let run out, and not called again. */
export function isWanted(step: StepKind, want: Want): boolean {
  switch (step) {
    case 'insert':
    case 'start':
    case 'resume':
      return want === 'running';
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
  return isGatewayReady(record) ? 'READY' : 'BOOTING';
}

function claimState(step: StepKind): SessionState {
  switch (step) {
    case 'insert':
      return 'CREATING';
    case 'start':
      return 'STARTING';
    case 'resume':
      return 'RESUMING';
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
      return record.want === 'running' ? 'PENDING' : 'STOPPED';
    case 'rising':
      return record.instance?.hasRun === true ? 'STARTING' : 'CREATING';
    case 'running':
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
