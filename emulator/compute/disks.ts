// Builds an instance's boot disk out of a checked insert request: as the instance shows it and as the disk itself.
import { invalidValue, notEmulated, required } from '../google-error.ts';
import { createNumericId, fingerprintOf } from '../ids.ts';
import { DISK_TYPES, findImage } from './catalog.ts';
import { API_ROOT, type Json } from './links.ts';
import type { Place } from './resources.ts';
import type { DiskRecord, InstanceResource } from './state.ts';
import type { DiskRequest } from './requests.ts';
import { checkLabels, checkName } from './validation.ts';

/** @throws GoogleError for whatever in the request Google would refuse. */
export function buildBootDisk(
  disks: readonly DiskRequest[],
  instance: { name: string; self: string; created: string },
  place: Place,
): { attached: InstanceResource['disks'][number]; record: DiskRecord } {
  const [request, second] = disks;
  if (!request) throw invalidValue('resource.disks', '', 'No disks are specified.');
  if (request.boot === false) {
    throw invalidValue(
      'resource.disks[0].boot',
      'false',
      'Boot disk must be the first disk attached to the instance.',
    );
  }
  if (second) throw notEmulated("disks beyond the boot disk ('resource.disks[1]')");
  if (request.autoDelete !== true) {
    throw notEmulated(
      "disks that outlive their instance ('resource.disks[0].autoDelete' is not true)",
    );
  }
  const parameters = request.initializeParams ?? {};
  const image = readImage(parameters.sourceImage, place.project);
  const sizeGb = readSizeGb(
    parameters.diskSizeGb ?? request.diskSizeGb,
    Number(image['diskSizeGb']),
  );
  const name = checkName(
    'resource.disks[0].initializeParams.diskName',
    parameters.diskName ?? instance.name,
  );
  const labels = parameters.labels ?? {};
  checkLabels('resource.disks[0].initializeParams.labels', labels);
  const zoneLink = `${API_ROOT}/projects/${place.project}/zones/${place.zone}`;
  const shared = {
    licenses: image['licenses'],
    guestOsFeatures: image['guestOsFeatures'],
    architecture: image['architecture'],
  };
  const self = `${zoneLink}/disks/${name}`;
  const record: DiskRecord = {
    zone: place.zone,
    resource: {
      kind: 'compute#disk',
      id: createNumericId(),
      creationTimestamp: instance.created,
      name,
      sizeGb: String(sizeGb),
      zone: zoneLink,
      status: 'READY',
      sourceImage: image['selfLink'],
      sourceImageId: image['id'],
      selfLink: self,
      type: `${zoneLink}/diskTypes/${readDiskType(parameters.diskType)}`,
      lastAttachTimestamp: instance.created,
      users: [instance.self],
      ...(Object.keys(labels).length > 0 ? { labels } : {}),
      labelFingerprint: fingerprintOf(labels),
      physicalBlockSizeBytes: '4096',
      ...shared,
    },
  };
  const attached = {
    kind: 'compute#attachedDisk',
    type: 'PERSISTENT',
    mode: 'READ_WRITE',
    source: self,
    deviceName: request.deviceName ?? 'persistent-disk-0',
    index: 0,
    boot: true,
    autoDelete: true,
    interface: 'SCSI',
    diskSizeGb: String(sizeGb),
    ...shared,
  };
  return { attached, record };
}

function readImage(given: string | undefined, project: string): Json {
  const field = 'resource.disks[0].initializeParams.sourceImage';
  if (given === undefined || given === '') throw required(field);
  const [, owner = project, path = ''] =
    /(?:^|projects\/([^/]+)\/)global\/images\/((?:family\/)?[^/]+)$/.exec(given) ?? [];
  // gcloud's way of naming a family.
  const [, viewOwner = '', view = ''] =
    /projects\/([^/]+)\/zones\/[^/]+\/imageFamilyViews\/([^/]+)$/.exec(given) ?? [];
  const image = findImage(owner, path) ?? findImage(viewOwner, `family/${view}`);
  if (image) return image;
  throw invalidValue(field, given, 'The referenced image resource cannot be found.');
}

function readSizeGb(given: number | undefined, imageSizeGb: number): number {
  if (given === undefined) return imageSizeGb;
  const field = 'resource.disks[0].initializeParams.diskSizeGb';
  if (given < imageSizeGb) {
    const why = `Requested disk size cannot be smaller than the image size (${imageSizeGb} GB)`;
    throw invalidValue(field, String(given), why);
  }
  if (given > 65_536)
    throw invalidValue(field, String(given), 'Disk size cannot be larger than 65536 GB.');
  return given;
}

function readDiskType(given: string | undefined): string {
  if (given === undefined) return 'pd-standard';
  const name = given.split('/').at(-1) ?? '';
  if (DISK_TYPES.includes(name)) return name;
  const field = 'resource.disks[0].initializeParams.diskType';
  throw invalidValue(field, given, 'The referenced diskType resource cannot be found.');
}
