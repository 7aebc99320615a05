// What Compute Engine has without anybody making it: zones, machine types, images, networks. Real names and
// numbers; a dozen of each.
import { createHash } from 'node:crypto';
import { API_ROOT, type Json } from './links.ts';

const ZONES: Readonly<Record<string, string>> = {
  'asia-east1': 'abc',
  'asia-northeast1': 'abc',
  'australia-southeast1': 'abc',
  'europe-north1': 'abc',
  'europe-west1': 'bcd',
  'europe-west2': 'abc',
  'europe-west3': 'abc',
  'europe-west4': 'abc',
  'europe-west6': 'abc',
  'us-central1': 'abcf',
  'us-east1': 'bcd',
  'us-east4': 'abc',
  'us-west1': 'abc',
};

/** Virtual CPUs, memory in MB, whether the CPUs are shared with others. */
const MACHINE_TYPES: Readonly<Record<string, readonly [number, number, boolean?]>> = {
  'e2-micro': [2, 1024, true],
  'e2-small': [2, 2048, true],
  'e2-medium': [2, 4096, true],
  'e2-standard-2': [2, 8192],
  'e2-standard-4': [4, 16384],
  'e2-standard-8': [8, 32768],
  'e2-standard-16': [16, 65536],
  'e2-highmem-4': [4, 32768],
  'e2-highcpu-4': [4, 4096],
  'n1-standard-1': [1, 3840],
  'n1-standard-2': [2, 7680],
  'n1-standard-4': [4, 15360],
  'n1-highmem-4': [4, 26624],
  'n2-standard-2': [2, 8192],
  'n2-standard-4': [4, 16384],
  'n2-standard-8': [8, 32768],
  'n2-highmem-4': [4, 32768],
};

const IMAGES: readonly { project: string; family: string; name: string; sizeGb: number }[] = [
  { project: 'cos-cloud', family: 'cos-stable', name: 'cos-stable-121-18867-199-52', sizeGb: 10 },
  { project: 'cos-cloud', family: 'cos-121-lts', name: 'cos-121-18867-199-52', sizeGb: 10 },
  {
    project: 'debian-cloud',
    family: 'debian-12',
    name: 'debian-12-bookworm-v20250610',
    sizeGb: 10,
  },
];

export const DISK_TYPES = ['pd-standard', 'pd-balanced', 'pd-ssd'];

const CREATED = '2015-02-20T12:00:00.000-08:00';

export function zoneNames(): string[] {
  return regionNames().flatMap((region) =>
    Array.from(ZONES[region] ?? '', (letter) => `${region}-${letter}`),
  );
}

export function regionNames(): string[] {
  return Object.keys(ZONES);
}

export function regionOf(zone: string): string {
  return zone.slice(0, zone.lastIndexOf('-'));
}

export function zoneResource(project: string, zone: string): Json {
  const region = `${API_ROOT}/projects/${project}/regions/${regionOf(zone)}`;
  return {
    kind: 'compute#zone',
    id: stableId(zone),
    creationTimestamp: CREATED,
    name: zone,
    description: zone,
    status: 'UP',
    region,
    selfLink: `${API_ROOT}/projects/${project}/zones/${zone}`,
    availableCpuPlatforms: ['Intel Broadwell', 'Intel Skylake', 'Intel Cascade Lake'],
    supportsPzs: false,
  };
}

export function regionResource(project: string, region: string): Json {
  const zones = zoneNames().filter((zone) => regionOf(zone) === region);
  return {
    kind: 'compute#region',
    id: stableId(region),
    creationTimestamp: CREATED,
    name: region,
    description: region,
    status: 'UP',
    zones: zones.map((zone) => `${API_ROOT}/projects/${project}/zones/${zone}`),
    quotas: [],
    selfLink: `${API_ROOT}/projects/${project}/regions/${region}`,
    supportsPzs: false,
  };
}

export function hasMachineType(name: string): boolean {
  return Object.hasOwn(MACHINE_TYPES, name);
}

export function machineTypeNames(): string[] {
  return Object.keys(MACHINE_TYPES).sort();
}

export function machineTypeResource(project: string, zone: string, name: string): Json {
  const [cpus, memoryMb, isShared = false] = MACHINE_TYPES[name] ?? [0, 0];
  return {
    kind: 'compute#machineType',
    id: stableId(name),
    creationTimestamp: CREATED,
    name,
    description: `${cpus} vCPU${cpus === 1 ? '' : 's'}, ${memoryMb / 1024} GB RAM`,
    guestCpus: cpus,
    memoryMb,
    imageSpaceGb: 0,
    maximumPersistentDisks: isShared ? 16 : 128,
    maximumPersistentDisksSizeGb: isShared ? '3072' : '263168',
    zone,
    selfLink: `${API_ROOT}/projects/${project}/zones/${zone}/machineTypes/${name}`,
    isSharedCpu: isShared,
    architecture: 'X86_64',
  };
}

/** `path` is `family/NAME` or `NAME`, below the images of that project. */
export function findImage(project: string, path: string): Json | undefined {
  const family = /^family\/(.+)$/.exec(path)?.[1];
  const image = IMAGES.find(
    (candidate) =>
      candidate.project === project &&
      (family === undefined ? candidate.name === path : candidate.family === family),
  );
  if (!image) return undefined;
  return {
    kind: 'compute#image',
    id: stableId(image.name),
    creationTimestamp: CREATED,
    name: image.name,
    description: `${image.family}, as the emulator has it: the startup script runs on this machine`,
    sourceType: 'RAW',
    status: 'READY',
    archiveSizeBytes: '1073741824',
    diskSizeGb: String(image.sizeGb),
    family: image.family,
    licenses: [`${API_ROOT}/projects/${project}/global/licenses/${image.family}`],
    guestOsFeatures: [
      'UEFI_COMPATIBLE',
      'VIRTIO_SCSI_MULTIQUEUE',
      'GVNIC',
      'SUSPEND_RESUME_COMPATIBLE',
    ].map((type) => ({ type })),
    architecture: 'X86_64',
    storageLocations: ['us'],
    selfLink: `${API_ROOT}/projects/${project}/global/images/${image.name}`,
  };
}

export function networkResource(project: string): Json {
  return {
    kind: 'compute#network',
    id: stableId('network-default'),
    creationTimestamp: CREATED,
    name: 'default',
    description: 'Default network for the project',
    autoCreateSubnetworks: true,
    subnetworks: regionNames().map(
      (region) => `${API_ROOT}/projects/${project}/regions/${region}/subnetworks/default`,
    ),
    routingConfig: { routingMode: 'REGIONAL' },
    networkFirewallPolicyEnforcementOrder: 'AFTER_CLASSIC_FIREWALL',
    selfLink: `${API_ROOT}/projects/${project}/global/networks/default`,
  };
}

export function projectResource(project: string, number: string): Json {
  return {
    kind: 'compute#project',
    id: number,
    creationTimestamp: CREATED,
    name: project,
    commonInstanceMetadata: { kind: 'compute#metadata', fingerprint: 'AAAAAAAAAAA=' },
    quotas: [],
    selfLink: `${API_ROOT}/projects/${project}`,
    defaultServiceAccount: `${number}-compute@developer.gserviceaccount.com`,
    xpnProjectStatus: 'UNSPECIFIED_XPN_PROJECT_STATUS',
    defaultNetworkTier: 'PREMIUM',
    vmDnsSetting: 'ZONAL_ONLY',
  };
}

/** The same number for the same name, at every start. */
function stableId(name: string): string {
  const hash = createHash('sha256').update(name).digest().readBigUInt64BE();
  return String(1_000_000_000_000_000_000n + ((hash >> 1n) % 8_000_000_000_000_000_000n));
}
