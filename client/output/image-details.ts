// `image status`: everything that is known of the project's gateway image, as a block of facts for a person.
import type { ImageView } from '../../functions/contract.ts';
import type { Io } from '../io.ts';
import { formatPast } from './durations.ts';
import { paintFor, type Colour } from './paint.ts';
import { formatFacts, type Fact } from './table.ts';

const COLOURS: Record<ImageView['state'], Colour> = {
  READY: 'green',
  BUILDING: 'yellow',
  MISSING: 'yellow',
  FAILED: 'red',
};

const MISSING = 'MISSING, the first session has it built, or: datalab-client image build';

export function imageDetails(image: ImageView, io: Io): string {
  const { name, state, digest, version, extendedFrom, createTime, build, error } = image;
  const facts: Fact[] = [
    { label: 'Image', value: name },
    {
      label: 'State',
      value: { text: state === 'MISSING' ? MISSING : state, colour: COLOURS[state] },
    },
    { label: 'Error', value: error && { text: error.message, colour: 'red' } },
    { label: 'Digest', value: digest === undefined ? digest : { text: digest, isClipped: true } },
    { label: 'Extends', value: extendedFrom && { text: extendedFrom.digest, isClipped: true } },
    { label: 'Version', value: version },
    { label: 'Created', value: createTime && formatPast(createTime, io.now()) },
    { label: 'Size', value: sizeOf(image) },
    { label: 'Used by', value: usersOf(image) },
    { label: 'Build', value: build && buildWords(build, io) },
    { label: 'Log', value: build?.logUrl },
  ];
  return formatFacts(facts, io.outputColumns, paintFor('stdout', io));
}

function sizeOf({ sizeBytes }: ImageView): string | undefined {
  return sizeBytes === undefined ? undefined : `${formatBytes(sizeBytes)} to pull`;
}

/** As registries and Google's console count: `512 B`, `4.2 kB`, `519 MB`, `1.7 GB`. */
function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let [value, unit] = [bytes, 0];
  while (value >= 999.5 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
  const isShort = unit > 0 && value < 9.95;
  return `${isShort ? value.toFixed(1) : String(Math.round(value))} ${units[unit] ?? ''}`;
}

function usersOf({ usedBy, digest }: ImageView): string[] | undefined {
  if (!usedBy) return undefined;
  const { sessions, sessionCount, otherSessionCount, isTruncated } = usedBy;
  const isOfSeveral = new Set(sessions.map(({ owner }) => owner.email)).size > 1;
  const names = sessions.map(({ name, owner, state }) =>
    isOfSeveral ? `${name} of ${owner.email} (${state})` : `${name} (${state})`,
  );
  const more = sessionCount - sessions.length;
  const users = [...names, ...(more > 0 ? [`and ${more} more`] : [])].join(', ');
  return [
    ...(digest === undefined ? [] : [users === '' ? 'no session' : users]),
    ...(otherSessionCount > 0 ? [keepers(otherSessionCount)] : []),
    ...(isTruncated ? ['not all sessions were counted: there are very many'] : []),
  ];
}

function keepers(count: number): string {
  if (count === 1) return '1 session keeps an earlier one until it is deleted';
  return `${count} sessions keep an earlier one until they are deleted`;
}

function buildWords({ id, status, startTime }: NonNullable<ImageView['build']>, io: Io): string {
  if (startTime === undefined) return `${status}, ${id}`;
  return `${status}, started ${formatPast(startTime, io.now())}, ${id}`;
}
