// Builds resources in the form that Google gives them: an instance and its boot disk out of a checked insert
// request. References in requests may be whole URLs or start at projects/, zones/ or global/.
import type { Clock } from '../clock.ts';
import { timestamp } from '../clock.ts';
import { invalidValue, required } from '../google-error.ts';
import { createNumericId, fingerprintOf } from '../ids.ts';
import { hasMachineType, regionOf } from './catalog.ts';
import { buildBootDisk } from './disks.ts';
import { API_ROOT, instancePath, type Json } from './links.ts';
import { buildScheduling } from './scheduling.ts';
import type { DiskRecord, InstanceRecord, InstanceResource } from './state.ts';
import type { InstanceRequest } from './requests.ts';
import { checkLabels, checkMetadata, checkName } from './validation.ts';

export interface Place {
  project: string;
  projectNumber: string;
  zone: string;
  clock: Clock;
}

/** @throws GoogleError for whatever in the request Google would refuse. */
export function buildInstance(
  request: InstanceRequest,
  place: Place,
): { instance: InstanceRecord; disk: DiskRecord } {
  const name = checkName('resource.name', request.name);
  const labels = request.labels ?? {};
  checkLabels('resource.labels', labels);
  const id = createNumericId();
  const created = timestamp(place.clock);
  const self = `${API_ROOT}/${instancePath(place.project, place.zone, name)}`;
  const disk = buildBootDisk(request.disks ?? [], { name, self, created }, place);
  const resource: InstanceResource = {
    kind: 'compute#instance',
    id,
    creationTimestamp: created,
    name,
    ...(request.description === undefined ? {} : { description: request.description }),
    tags: buildTags(request.tags?.items),
    machineType: readMachineType(request.machineType, place),
    status: 'PROVISIONING',
    zone: `${API_ROOT}/projects/${place.project}/zones/${place.zone}`,
    canIpForward: false,
    networkInterfaces: buildNetworkInterfaces(request, place),
    disks: [disk.attached],
    metadata: buildMetadata(request.metadata?.items),
    ...buildServiceAccounts(request, place),
    selfLink: self,
    scheduling: buildScheduling(request.scheduling),
    cpuPlatform: 'Intel Broadwell',
    ...(Object.keys(labels).length > 0 ? { labels } : {}),
    labelFingerprint: fingerprintOf(labels),
    startRestricted: false,
    deletionProtection: request.deletionProtection ?? false,
    shieldedInstanceConfig: {
      enableSecureBoot: request.shieldedInstanceConfig?.enableSecureBoot ?? false,
      enableVtpm: request.shieldedInstanceConfig?.enableVtpm ?? true,
      enableIntegrityMonitoring: request.shieldedInstanceConfig?.enableIntegrityMonitoring ?? true,
    },
    shieldedInstanceIntegrityPolicy: { updateAutoLearnPolicy: true },
    fingerprint: fingerprintOf(id),
  };
  return {
    instance: { zone: place.zone, folder: `instances/${id}`, resource },
    disk: disk.record,
  };
}

export function buildMetadata(
  items: readonly { key: string; value: string }[] = [],
): InstanceResource['metadata'] {
  checkMetadata('resource.metadata', items);
  return {
    kind: 'compute#metadata',
    fingerprint: fingerprintOf(items),
    ...(items.length > 0 ? { items: [...items] } : {}),
  };
}

function buildTags(items: readonly string[] = []): InstanceResource['tags'] {
  for (const [index, item] of items.entries()) checkName(`resource.tags.items[${index}]`, item);
  return { ...(items.length > 0 ? { items: [...items] } : {}), fingerprint: fingerprintOf(items) };
}

function readMachineType(given: string | undefined, { project, zone }: Place): string {
  if (given === undefined || given === '') throw required('resource.machineType');
  const field = 'resource.machineType';
  const match = /(?:^|\/)zones\/([^/]+)\/machineTypes\/([^/]+)$/.exec(given);
  const [, givenZone, name = ''] = match ?? [];
  if (!match) {
    throw invalidValue(
      field,
      given,
      'The URL is malformed. It must name zones/ZONE/machineTypes/NAME.',
    );
  }
  if (givenZone !== zone || !hasMachineType(name)) {
    const why = `Machine type with name '${name}' does not exist in zone '${zone}'.`;
    throw invalidValue(field, given, why);
  }
  return `${API_ROOT}/projects/${project}/zones/${zone}/machineTypes/${name}`;
}

function buildNetworkInterfaces(
  { networkInterfaces = [] }: InstanceRequest,
  { project, zone }: Place,
): InstanceResource['networkInterfaces'] {
  const [first, second] = networkInterfaces;
  if (!first) {
    throw invalidValue(
      'resource.networkInterfaces',
      '',
      'At least one network interface is required.',
    );
  }
  if (second) {
    const why = 'The emulator has one network; several interfaces need several.';
    throw invalidValue('resource.networkInterfaces[1]', '', why);
  }
  const region = regionOf(zone);
  const field = 'resource.networkInterfaces[0]';
  checkReference(`${field}.network`, first.network, /(^|\/)global\/networks\/default$/);
  const subnetwork = new RegExp(`(^|/)regions/${region}/subnetworks/default$`);
  checkReference(`${field}.subnetwork`, first.subnetwork, subnetwork);
  const { accessConfigs } = first;
  return [
    {
      kind: 'compute#networkInterface',
      network: `${API_ROOT}/projects/${project}/global/networks/default`,
      subnetwork: `${API_ROOT}/projects/${project}/regions/${region}/subnetworks/default`,
      name: 'nic0',
      fingerprint: fingerprintOf(first),
      stackType: 'IPV4_ONLY',
      ...(accessConfigs === undefined || accessConfigs.length === 0
        ? {}
        : { accessConfigs: accessConfigs.map(buildAccessConfig) }),
    },
  ];
}

/** Nobody is reached at the address: 203.0.113.0/24 is set aside for examples (RFC 5737). */
function buildAccessConfig(): Json {
  return {
    kind: 'compute#accessConfig',
    type: 'ONE_TO_ONE_NAT',
    name: 'external-nat',
    natIP: '203.0.113.1',
    networkTier: 'PREMIUM',
  };
}

function checkReference(field: string, given: string | undefined, known: RegExp): void {
  if (given === undefined || known.test(given)) return;
  throw invalidValue(field, given, 'The referenced network resource cannot be found.');
}

function buildServiceAccounts(
  { serviceAccounts = [] }: InstanceRequest,
  { projectNumber }: Place,
): Pick<InstanceResource, 'serviceAccounts'> {
  if (serviceAccounts.length > 1) {
    throw invalidValue('resource.serviceAccounts', '', 'At most one service account is allowed.');
  }
  for (const { email, scopes = [] } of serviceAccounts) {
    if (email !== 'default' && !/^[^@\s]+@[^@\s]+\.gserviceaccount\.com$/.test(email)) {
      throw invalidValue('resource.serviceAccounts[0].email', email, 'The email is not valid.');
    }
    if (scopes.length === 0) throw required('resource.serviceAccounts[0].scopes');
  }
  if (serviceAccounts.length === 0) return {};
  return {
    serviceAccounts: serviceAccounts.map(({ email, scopes = [] }) => ({
      email: email === 'default' ? `${projectNumber}-compute@developer.gserviceaccount.com` : email,
      scopes,
    })),
  };
}
