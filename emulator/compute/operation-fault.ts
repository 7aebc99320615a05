// Operations that fail because somebody asked for it: codes, messages and details as Google gives them.
// faults/ puts the fault into the call; instances.ts lets the operation end with it.
import type { OperationFault } from '../faults/operation-fault.ts';
import { regionOf, zoneNames } from './catalog.ts';
import type { Json } from './links.ts';
import { OperationError } from './operations.ts';
import type { InstanceRecord } from './state.ts';

const STOCK_OUT = 'ZONE_RESOURCE_POOL_EXHAUSTED';
const HELP_URL = 'https://cloud.google.com/compute/docs/resource-error';

export function explainFault(
  fault: OperationFault,
  instance: InstanceRecord,
  project: string,
): OperationError {
  const { code } = fault;
  if (code.startsWith(STOCK_OUT)) return stockOut(fault, instance, project);
  if (code === 'QUOTA_EXCEEDED') return quotaExceeded(fault, instance);
  const message = fault.message ?? 'Internal error. Please try again or contact Google Support.';
  return new OperationError(code, message, fault.httpStatus ?? 500);
}

/** As jenkinsci/google-compute-engine-plugin#555 and kubernetes/k8s.io#9834 show it. */
function stockOut(
  fault: OperationFault,
  { zone, resource }: InstanceRecord,
  project: string,
): OperationError {
  const region = regionOf(zone);
  const others = zoneNames().filter((other) => other.startsWith(`${region}-`) && other !== zone);
  const zonesAvailable = (fault.zonesAvailable ?? others).join(',');
  const vmType = resource.machineType.split('/').at(-1) ?? '';
  const isDetailed = fault.code !== STOCK_OUT;
  const message =
    `The zone 'projects/${project}/zones/${zone}' does not have enough resources available to fulfill the ` +
    `request.  ${isDetailed ? "'(resource type:compute)'." : 'Try a different zone, or try again later.'}`;
  const hint =
    `A ${vmType} VM instance is currently unavailable in the ${zone} zone. Consider trying your request in the ` +
    `${zonesAvailable} zone(s), which currently has capacity to accommodate your request.`;
  const details: Json[] = [
    { help: { links: [{ description: 'Troubleshooting documentation', url: HELP_URL }] } },
    { localizedMessage: { locale: 'en-US', message: hint } },
    {
      errorInfo: {
        domain: 'compute.googleapis.com',
        reason: 'resource_availability',
        metadatas: { attachment: '', vmType, zone, zonesAvailable },
      },
    },
  ];
  const status = fault.httpStatus ?? 503;
  return new OperationError(fault.code, fault.message ?? message, status, details);
}

function quotaExceeded(fault: OperationFault, { zone }: InstanceRecord): OperationError {
  const region = regionOf(zone);
  const quotaInfo = fault.quotaInfo ?? {
    metricName: 'compute.googleapis.com/cpus',
    limitName: 'CPUS-per-project-region',
    limit: 24,
    dimensions: { region },
  };
  const metric = quotaInfo.limitName.split('-')[0] ?? '';
  const message = `Quota '${metric}' exceeded.  Limit: ${quotaInfo.limit.toFixed(1)} in region ${region}.`;
  const status = fault.httpStatus ?? 403;
  return new OperationError(fault.code, fault.message ?? message, status, [{ quotaInfo }]);
}
