// `datalab-client image status`: the project's gateway image and its last build.
import type { ImageView } from '../../functions/contract.ts';
import { openBackend } from '../backend.ts';
import type { Io } from '../io.ts';
import { formatPast } from '../output/durations.ts';
import { paintFor, type Colour } from '../output/paint.ts';
import { formatFacts } from '../output/table.ts';
import type { Call } from '../verbs.ts';

export async function imageStatus({ flags }: Call, io: Io): Promise<void> {
  await using backend = await openBackend(flags, io);
  const image = await backend.api.getImage();
  io.stdout.write(`${flags.json ? JSON.stringify(image) : imageDetails(image, io)}\n`);
}

const COLOURS: Record<ImageView['state'], Colour> = {
  READY: 'green',
  BUILDING: 'yellow',
  MISSING: 'yellow',
  FAILED: 'red',
};

function imageDetails({ name, state, digest, build, error }: ImageView, io: Io): string {
  const missing = 'MISSING, the first session has it built, or: datalab-client image build';
  return formatFacts(
    [
      { label: 'Image', value: name },
      {
        label: 'State',
        value: { text: state === 'MISSING' ? missing : state, colour: COLOURS[state] },
      },
      { label: 'Error', value: error && { text: error.message, colour: 'red' } },
      { label: 'Digest', value: digest === undefined ? digest : { text: digest, isClipped: true } },
      { label: 'Build', value: build && buildWords(build, io) },
      { label: 'Log', value: build?.logUrl },
    ],
    io.outputColumns,
    paintFor('stdout', io),
  );
}

function buildWords({ id, status, startTime }: NonNullable<ImageView['build']>, io: Io): string {
  if (startTime === undefined) return `${status}, ${id}`;
  return `${status}, started ${formatPast(startTime, io.now())}, ${id}`;
}
