// A local session as the API shows one (pure): so `start`, `list`, `status`, `stop` and `delete` are about it as about any.
import { hostname } from 'node:os';
import type { SessionState, SessionView } from '../../functions/contract.ts';
import { assertNever } from '../errors.ts';
import type { Activity } from './activity.ts';
import { isAlive, isUp, type Container, type Look } from './containers.ts';
import { HERE, type LocalPlace } from './place.ts';
import type { LocalRecord } from './record.ts';

/** How far this process is with bringing it up. */
export type Progress =
  | { kind: 'none' }
  | { kind: 'images' | 'containers' | 'gateway'; words: string }
  | { kind: 'failed'; message: string };

export interface Seen {
  place: LocalPlace;
  record: LocalRecord;
  look: Look;
  activity: Activity | undefined;
  progress: Progress;
  login: string;
  /** Milliseconds since the epoch. */
  now: number;
}

/** Without what counts its changes: see api.ts. */
export type ViewContent = Omit<SessionView, 'revision' | 'etag' | 'updateTime'>;

export function viewOf(seen: Seen): ViewContent {
  const { place, record, look, activity, progress, login } = seen;
  const state = stateOf(seen);
  const { gateway } = look;
  const sleep = awakeOf(seen, state);
  return {
    id: idOf(place.name),
    name: place.name,
    resourceName: `sessions/${idOf(place.name)}`,
    owner: { email: `${login}@${hostname()}` },
    state,
    waitingFor: 'words' in progress ? progress.words : '',
    want: state === 'STOPPED' ? 'stopped' : 'running',
    createTime: record.createTime,
    zone: HERE,
    machineType: 'this machine',
    diskSizeGb: 0,
    fallbackZones: [],
    spot: false,
    labels: {},
    idleTimeoutSeconds: record.idleTimeoutSeconds ?? 0,
    idleAction: 'stop',
    ...(sleep === undefined ? {} : { awake: sleep }),
    ...(gateway ? { image: gateway.image } : {}),
    generation: 1,
    ...(gateway ? { instance: instanceOf(place, gateway) } : {}),
    kernels: activity?.kernels ?? [],
    ...(progress.kind === 'failed'
      ? { error: { code: 'FAILED_PRECONDITION', message: progress.message } }
      : {}),
    timeline: timelineOf(record, look),
  };
}

export function idOf(name: string): string {
  return `local-${name}`;
}

function stateOf({ look: { gateway, agent }, activity, progress }: Seen): SessionState {
  switch (progress.kind) {
    case 'images':
      return 'BUILDING_IMAGE';
    case 'containers':
      return 'CREATING';
    case 'gateway':
      return 'BOOTING';
    case 'failed':
      return 'FAILED';
    case 'none':
      break;
    default:
      assertNever(progress);
  }
  if (gateway?.status === 'paused') return 'SUSPENDED';
  if (!isUp(gateway)) return 'STOPPED';
  // It is being made anew, or somebody has ended it: the kernels are there.
  return isUp(agent) && activity?.gatewayReady ? 'READY' : 'BOOTING';
}

/** Undefined where nothing puts it to sleep. */
function awakeOf({ record, activity, now }: Seen, state: SessionState): SessionView['awake'] {
  const { idleTimeoutSeconds } = record;
  const kernels = activity?.kernels ?? [];
  if (state !== 'READY' || idleTimeoutSeconds === undefined || kernels.length === 0)
    return undefined;
  const busy = kernels.find((kernel) => kernel.state === 'busy' || kernel.state === 'starting');
  if (busy) return { reason: `kernel ${busy.name} is busy` };
  const idleSeconds = Math.min(...kernels.map((kernel) => kernel.idleSeconds));
  const sleepTime = new Date(now + (idleTimeoutSeconds - idleSeconds) * 1000).toISOString();
  return { reason: 'its kernels are idle', sleepTime };
}

function instanceOf({ gateway: name }: LocalPlace, gateway: Container) {
  return { name, zone: HERE, status: isAlive(gateway) ? 'RUNNING' : 'TERMINATED' };
}

function timelineOf({ createTime, folder }: LocalRecord, { gateway }: Look) {
  return [
    { time: createTime, message: `for ${folder}` },
    ...(gateway && Date.parse(gateway.startedAt) > 0
      ? [{ time: new Date(gateway.startedAt).toISOString(), message: 'gateway started' }]
      : []),
  ];
}
