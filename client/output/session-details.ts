// `status`: everything that one session says of itself, as a block of facts for a person.
import type { SessionView } from '../../functions/contract.ts';
import type { Io } from '../io.ts';
import { formatDuration, formatPast, formatRelative } from './durations.ts';
import { paintFor } from './paint.ts';
import { colourOf, kernelsOf, type Kernel } from './session-words.ts';
import { formatFacts, type Cell, type Fact } from './table.ts';
import { padded } from './terminal-text.ts';

const TIMELINE_LINES = 5;

export function sessionDetails(session: SessionView, io: Io): string {
  const now = io.now();
  const { name, owner, zone, fallbackZones, image, labels, serviceAccount, error } = session;
  const facts: Fact[] = [
    { label: 'Session', value: name },
    { label: 'State', value: stateOf(session) },
    { label: 'Error', value: error && { text: error.message, colour: 'red' } },
    { label: 'Awake', value: session.awake?.reason },
    { label: 'Sleeps', value: session.awake && sleepOf(session.awake, now) },
    { label: 'Lifetime', value: lifetimeOf(session, now) },
    { label: 'Kernels', value: kernelLines(kernelsOf(session)) },
    { label: 'Timeline', value: timelineOf(session, now) },
    { label: 'Owner', value: owner.email },
    { label: 'Zone', value: [zone, ...fallbackZones.filter((other) => other !== zone)].join(', ') },
    { label: 'Machine', value: machineOf(session) },
    { label: 'Instance', value: session.instance && instanceOf(session.instance) },
    { label: 'Image', value: image === undefined ? image : { text: image, isClipped: true } },
    { label: 'Idle', value: idleRule(session) },
    { label: 'Runs as', value: serviceAccount },
    { label: 'Labels', value: labelsOf(labels) },
    { label: 'Created', value: formatPast(session.createTime, now) },
    { label: 'Id', value: session.id },
  ];
  return formatFacts(facts, io.outputColumns, paintFor('stdout', io));
}

function stateOf({ state, waitingFor }: SessionView): Cell {
  const text = waitingFor ? `${state}, waiting for ${waitingFor}` : state;
  return { text, colour: colourOf(state) };
}

function sleepOf({ sleepTime }: NonNullable<SessionView['awake']>, now: number): string {
  if (sleepTime === undefined) return 'not while it works';
  return `${formatRelative(Math.max(now, Date.parse(sleepTime)), now)}, unless it is used`;
}

function idleRule({ idleAction, idleTimeoutSeconds }: SessionView): string {
  // Of a session on this machine that nothing ends.
  if (idleTimeoutSeconds === 0) return 'its kernels stay until they are ended';
  return `${idleAction} after ${formatDuration(idleTimeoutSeconds)}`;
}

function lifetimeOf({ lifetimeEndTime }: SessionView, now: number): string | undefined {
  if (lifetimeEndTime === undefined) return undefined;
  const end = Date.parse(lifetimeEndTime);
  return `${end > now ? 'ends' : 'ended'} ${formatRelative(end, now)}, busy or not; extend moves it`;
}

function kernelLines(kernels: readonly Kernel[]): string[] | string {
  if (kernels.length === 0) return 'none';
  const nameWidth = Math.max(...kernels.map(({ name }) => name.length));
  return kernels.map(({ id, name, state, idleSeconds }) => {
    const idle = state === 'idle' ? `idle ${formatDuration(idleSeconds)}` : wordOf(state);
    return `${padded(name, nameWidth)}  ${padded(idle, 18)}  ${id.slice(0, 8)}`;
  });
}

function wordOf(state: Kernel['state']): string {
  return state === 'waitingForInput' ? 'waiting for input' : state;
}

function timelineOf({ timeline }: SessionView, now: number): Cell[] {
  const last = timeline.slice(-TIMELINE_LINES);
  const times = last.map(({ time }) => formatPast(time, now));
  const width = Math.max(...times.map((time) => time.length));
  return last.map(({ message }, index) => ({
    text: `${padded(times[index] ?? '', width)}  ${message}`,
    hang: width + 2,
  }));
}

function machineOf({ machineType, diskSizeGb, spot }: SessionView): string {
  // 0: no disk of its own.
  const disk = diskSizeGb === 0 ? '' : `, ${diskSizeGb} GB disk`;
  return `${machineType}${disk}${spot ? ', Spot' : ''}`;
}

function instanceOf({ name, status, internalIp }: NonNullable<SessionView['instance']>): string {
  return [name, status, internalIp].filter((part) => part !== undefined).join(', ');
}

function labelsOf(labels: SessionView['labels']): string | undefined {
  const texts = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
  return texts.length > 0 ? texts.join(', ') : undefined;
}
