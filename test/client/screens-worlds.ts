// The worlds that the screens are taken of: a handful of sessions with everything that a table or a block can show.
import type { ImageView } from '../../functions/contract.ts';
import { minutes, NOW, OWN, sessionNamed, type World } from '../helpers/fixed-api.ts';

export const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;
const IMAGE = 'gcr.io/my-project/datalab-gateway:latest';
const LOG_URL = 'https://console.cloud.google.com/cloud-build/builds/b-2?project=1';

const READY: ImageView = {
  name: IMAGE,
  state: 'READY',
  digest: DIGEST,
  sizeBytes: 4_249,
  usedBy: {
    sessions: [{ id: 's-1', name: 'train', owner: { email: OWN }, state: 'READY' }],
    sessionCount: 1,
    otherSessionCount: 1,
    isTruncated: false,
  },
  build: { id: 'b-1', status: 'SUCCESS', logUrl: LOG_URL, startTime: minutes(-3 * 1440) },
};

/** As an administrator sees it. */
export const EXTENDED: ImageView = {
  ...READY,
  version: '5f2c9a0b12345678',
  createTime: minutes(-3 * 1440 + 4),
  sizeBytes: 519_234_567,
  extendedFrom: { name: IMAGE, digest: `sha256:${'fedcba9876543210'.repeat(4)}` },
  usedBy: {
    sessions: [
      { id: 's-1', name: 'default', owner: { email: OWN }, state: 'READY' },
      { id: 's-2', name: 'train', owner: { email: 'ada@example.com' }, state: 'SUSPENDED' },
    ],
    sessionCount: 14,
    otherSessionCount: 3,
    isTruncated: false,
  },
};

const BUILDING: ImageView = {
  name: IMAGE,
  state: 'BUILDING',
  build: { id: 'b-2', status: 'WORKING', logUrl: LOG_URL, startTime: minutes(-4) },
};

export const BUILD_FAILED: ImageView = {
  name: IMAGE,
  state: 'FAILED',
  build: { id: 'b-2', status: 'FAILURE', logUrl: LOG_URL, startTime: minutes(-4) },
  error: {
    code: 'FAILED_PRECONDITION',
    message:
      `The build of image ${IMAGE} ended with FAILURE (step 0 exited with 1).\n` +
      'The last lines of its log:\nStep 4/9 : RUN pip install jupyter-server\n' +
      `ERROR: No matching distribution found for jupyter-server\nAll of it: ${LOG_URL}`,
  },
};

const kernel = (
  state: 'busy' | 'idle' | 'waitingForInput',
  idleSeconds: number,
  name = 'python3',
) => ({
  id: `${idleSeconds === 0 ? '4f0c' : '9b1d'}57a2-1e3c-4a44-b6a0-5a3dd0e4f1c2`,
  name,
  state,
  connections: 1,
  idleSeconds,
});

/** Three kernels, and one of them works. */
const train = () =>
  sessionNamed('train', {
    machineType: 'n2-highmem-8',
    diskSizeGb: 200,
    spot: true,
    fallbackZones: ['europe-west1-c', 'europe-west1-d'],
    labels: { team: 'forecast', 'cost-center': '7' },
    serviceAccount: 'kernels@my-project.iam.gserviceaccount.com',
    image: `gcr.io/my-project/datalab-gateway@${DIGEST}`,
    maxLifetimeSeconds: 7 * 86_400,
    lifetimeEndTime: minutes(4 * 1440 + 125),
    instance: {
      name: 'datalab-train-5f2c9a-1',
      zone: 'europe-west1-b',
      status: 'RUNNING',
      internalIp: '10.132.0.5',
    },
    awake: { reason: 'kernel python3 is busy' },
    kernels: [kernel('busy', 0), kernel('idle', 720), kernel('waitingForInput', 40, 'ir')],
    timeline: [
      { time: minutes(-3 * 1440), message: 'PENDING: asked for' },
      { time: minutes(-4318), message: 'CREATING: Compute Engine to create the instance' },
      { time: minutes(-4317), message: 'BOOTING: the instance to boot and its agent to register' },
      { time: minutes(-4316), message: 'READY' },
      { time: minutes(-1500), message: 'SUSPENDING: idle for 30 min' },
      { time: minutes(-200), message: 'READY' },
    ],
  });

const failed = () =>
  sessionNamed('big', {
    state: 'FAILED',
    machineType: 'm1-megamem-96',
    instance: undefined,
    createTime: minutes(-12),
    error: {
      code: 'RESOURCE_EXHAUSTED',
      message:
        'Compute Engine has no room for m1-megamem-96 in europe-west1-b (ZONE_RESOURCE_POOL_EXHAUSTED). ' +
        'Try again later, or start it with another --machine-type or with --fallback-zones.',
    },
    timeline: [{ time: minutes(-12), message: 'FAILED: no room' }],
  });

export function world(changes: Partial<World> = {}): World {
  return {
    sessions: [
      sessionNamed('default', {
        awake: { reason: 'it was in use within the last 30 min', sleepTime: minutes(25) },
        kernels: [kernel('idle', 300)],
      }),
      train(),
      sessionNamed('night', {
        state: 'SUSPENDED',
        want: 'suspended',
        kernels: [kernel('idle', 9)],
      }),
      sessionNamed('old', { state: 'STOPPED', want: 'stopped', kernels: [kernel('busy', 0)] }),
      sessionNamed('booting', {
        state: 'BOOTING',
        waitingFor: 'the gateway to answer',
        createTime: new Date(NOW - 40_000).toISOString(),
      }),
      failed(),
    ],
    image: READY,
    ...changes,
  };
}

/** As an administrator sees it. */
export function everybodys(): World {
  const owned = (name: string, email: string) => sessionNamed(name, { owner: { email } });
  return world({
    sessions: [
      ...world().sessions.slice(0, 2),
      owned('default', 'ada.lovelace@research.example.com'),
      owned('experiment-with-a-name-of-forty-characters', 'grace@example.com'),
    ].map((one) => ({ ...one, name: one.name.slice(0, 40) })),
  });
}

export function building(end: ImageView): World {
  const last = end.error ? 'ERROR: No matching distribution found for jupyter-server' : 'Pushed';
  const lines = ['Step 1/9 : FROM python', 'Step 4/9 : RUN pip install jupyter-server', last];
  return world({ builds: [BUILDING, BUILDING, end], buildLog: lines });
}

export const BUILT: ImageView = {
  ...READY,
  build: { ...BUILDING.build, id: 'b-2', status: 'SUCCESS' },
};
