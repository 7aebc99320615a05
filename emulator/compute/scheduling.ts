// How an instance is provisioned (standard or Spot) and how long it may run: checks the request's `scheduling`
// as Google does, and gives it the form that resources have. resources.ts is its caller.
import { invalidValue, notEmulated, required } from '../google-error.ts';
import type { InstanceRequest } from './requests.ts';
import type { InstanceResource } from './state.ts';

type SchedulingRequest = NonNullable<InstanceRequest['scheduling']>;
type Scheduling = InstanceResource['scheduling'];

const FIELD = 'resource.scheduling';
/** https://cloud.google.com/compute/docs/instances/limit-vm-runtime */
const LEAST_SECONDS = 30;
const MOST_SECONDS = 120 * 86_400;

/** @throws GoogleError for combinations that Google refuses */
export function buildScheduling(request: SchedulingRequest = {}): Scheduling {
  const isSpot = request.provisioningModel === 'SPOT';
  const isPreemptible = request.preemptible ?? isSpot;
  if (isSpot && !isPreemptible) {
    const why = 'Scheduling must have preemptible be true when the provisioning model is SPOT.';
    throw invalidValue(`${FIELD}.preemptible`, 'false', why);
  }
  if (isPreemptible) checkPreemptible(request);
  checkTermination(request, isSpot, isPreemptible);
  return {
    onHostMaintenance: request.onHostMaintenance ?? (isPreemptible ? 'TERMINATE' : 'MIGRATE'),
    automaticRestart: request.automaticRestart ?? !isPreemptible,
    preemptible: isPreemptible,
    provisioningModel: isSpot ? 'SPOT' : 'STANDARD',
    ...buildTermination(request, isSpot),
  };
}

/** In Google's words, as users report them. */
function checkPreemptible({ automaticRestart, onHostMaintenance }: SchedulingRequest): void {
  const refuse = (when: string) =>
    invalidValue(
      `${FIELD}.preemptible`,
      'true',
      `Scheduling must have preemptible be false when ${when}.`,
    );
  if (automaticRestart === true) throw refuse('AutomaticRestart is true');
  if (onHostMaintenance === 'MIGRATE') throw refuse("OnHostMaintenance isn't TERMINATE");
}

function checkTermination(
  { maxRunDuration, instanceTerminationAction: action }: SchedulingRequest,
  isSpot: boolean,
  isPreemptible: boolean,
): void {
  if (maxRunDuration) {
    const { seconds, nanos } = maxRunDuration;
    if (nanos !== 0) throw notEmulated(`fractions of seconds ('${FIELD}.maxRunDuration.nanos')`);
    if (seconds < LEAST_SECONDS || seconds > MOST_SECONDS) {
      const why = `The duration must be between ${LEAST_SECONDS} seconds and 120 days.`;
      throw invalidValue(`${FIELD}.maxRunDuration.seconds`, String(seconds), why);
    }
    if (isPreemptible && !isSpot) {
      const why = 'Legacy preemptible instances cannot have a maximum run duration; use SPOT.';
      throw invalidValue(`${FIELD}.maxRunDuration`, String(seconds), why);
    }
    if (action === undefined) throw required(`${FIELD}.instanceTerminationAction`);
  } else if (action !== undefined && !isSpot) {
    const why =
      'You cannot specify a termination action for a VM instance that has the standard provisioning model ' +
      '(default). To use instance termination action, the VM instance must use the Spot, Reservation-Bound or ' +
      'Flex Start provisioning model.';
    throw invalidValue(`${FIELD}.instanceTerminationAction`, action, why);
  }
}

function buildTermination(
  { maxRunDuration, instanceTerminationAction: action }: SchedulingRequest,
  isSpot: boolean,
): Pick<Scheduling, 'instanceTerminationAction' | 'maxRunDuration'> {
  return {
    ...(action === undefined && !isSpot ? {} : { instanceTerminationAction: action ?? 'STOP' }),
    ...(maxRunDuration ? { maxRunDuration: { seconds: String(maxRunDuration.seconds) } } : {}),
  };
}
