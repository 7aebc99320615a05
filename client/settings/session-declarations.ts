// The settings that are fields of `POST /v1/sessions`, zone and name excepted: checked by the API's own schemas, so that
// its words come before anything is called.
import { z } from 'zod';
import { createSessionRequest } from '../../functions/contract.ts';
import { parseDuration } from '../output/durations.ts';
import type { Declaration } from './declaration.ts';
import { orText, readBoolean, readList, readPairs, readWholeNumber } from './texts.ts';

const fields = createSessionRequest.shape;
const DURATION = 'must be a length of time, such as 45m, 2h or 1d';
const BY_BACKEND = 'the backend’s';

export const SESSION_DECLARATIONS = {
  machineType: {
    help: 'machine type, such as e2-standard-8',
    flag: '--machine-type',
    variables: ['DATALAB_MACHINE_TYPE'],
    schema: fields.machineType.unwrap(),
    field: 'machineType',
    defaultInWords: BY_BACKEND,
    withEmulator: 'said',
    withLocal: 'nothing',
  },
  fallbackZones: {
    help: 'zones to try when the zone has no room: a,b,c',
    flag: '--fallback-zones',
    variables: ['DATALAB_FALLBACK_ZONES'],
    schema: orText(fields.fallbackZones, readList, 'must be zones: a,b,c'),
    field: 'fallbackZones',
    defaultInWords: BY_BACKEND,
    withEmulator: 'said',
    withLocal: 'nothing',
  },
  spot: {
    help: 'a Spot VM: cheaper, and Google may stop it',
    flag: '--spot',
    variables: ['DATALAB_SPOT'],
    schema: orText(fields.spot, readBoolean, 'must be true or false'),
    field: 'spot',
    defaultInWords: '`false`',
    withEmulator: 'said',
    withLocal: 'nothing',
  },
  diskSizeGb: {
    help: 'size of the boot disk',
    flag: '--disk-size-gb',
    variables: ['DATALAB_DISK_SIZE_GB'],
    schema: orText(fields.diskSizeGb, readWholeNumber, 'must be a whole number, such as 100'),
    field: 'diskSizeGb',
    defaultInWords: BY_BACKEND,
    withEmulator: 'said',
    withLocal: 'nothing',
  },
  image: {
    help: 'another gateway image than the project’s',
    flag: '--image',
    variables: ['DATALAB_IMAGE'],
    schema: fields.image.unwrap(),
    // Any that docker knows: `jupyter/scipy-notebook`, or one that was built here.
    localSchema: z
      .string()
      .regex(/^[a-z0-9][\w.\-/:@]{0,254}$/i, 'must be the name of an image, as docker knows it'),
    field: 'image',
    defaultInWords: BY_BACKEND,
    withEmulator: 'said',
    withLocal: 'said',
  },
  serviceAccount: {
    help: 'what the kernels run as',
    flag: '--service-account',
    variables: ['DATALAB_SERVICE_ACCOUNT'],
    schema: fields.serviceAccount.unwrap(),
    field: 'serviceAccount',
    defaultInWords: BY_BACKEND,
    withEmulator: 'said',
    withLocal: 'nothing',
  },
  idleTimeout: {
    help: 'sleep after so long without activity: 45m, 2h, 1d, or seconds',
    flag: '--idle-timeout',
    variables: ['DATALAB_IDLE_TIMEOUT'],
    schema: orText(fields.idleTimeoutSeconds, parseDuration, DURATION),
    field: 'idleTimeoutSeconds',
    defaultInWords: BY_BACKEND,
    withEmulator: 'said',
    withLocal: 'said',
  },
  idleAction: {
    help: 'how it sleeps: suspend, stop or delete',
    flag: '--idle-action',
    variables: ['DATALAB_IDLE_ACTION'],
    schema: fields.idleAction.unwrap(),
    field: 'idleAction',
    defaultInWords: BY_BACKEND,
    withEmulator: 'said',
    withLocal: 'nothing',
  },
  maxLifetime: {
    help: 'suspend so long after the start, busy or not',
    flag: '--max-lifetime',
    variables: ['DATALAB_MAX_LIFETIME'],
    schema: orText(fields.maxLifetimeSeconds, parseDuration, DURATION),
    field: 'maxLifetimeSeconds',
    defaultInWords: BY_BACKEND,
    withEmulator: 'said',
    withLocal: 'nothing',
  },
  labels: {
    help: 'for filters and bills: team=forecast,cost-center=7',
    flag: '--labels',
    variables: ['DATALAB_LABELS'],
    schema: orText(
      fields.labels,
      readPairs,
      'must be key=value,key=value with each key once, such as team=forecast,cost-center=7',
    ),
    field: 'labels',
    defaultInWords: 'none',
    withEmulator: 'said',
    withLocal: 'nothing',
  },
} as const satisfies Record<string, Declaration>;
