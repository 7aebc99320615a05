// `datalab-client image extend`: has an image built on top of the gateway image, in its place, and follows the build.
import type { ExtendImageRequest, ImageView } from '../../functions/contract.ts';
import { openBackend } from '../backend.ts';
import { readExtension } from '../extension-file.ts';
import type { Io } from '../io.ts';
import { paragraph } from '../output/terminal-text.ts';
import type { Call } from '../verbs.ts';
import { followBuild } from './image-follow.ts';

export async function imageExtend({ flags }: Call, io: Io): Promise<void> {
  const extension = await readExtension(flags, io.cwd);
  await using backend = await openBackend(flags, io);
  const { api } = backend;
  const begun = await api.extendImage(extension);
  const changed = begun.state === 'BUILDING';
  const followed = { stage: 'Extend', command: sameCommand(flags) };
  // One that Cloud Build has refused has ended already, and failed.
  const image = await followBuild(api, begun, followed, flags, io);
  if (flags.json) io.stdout.write(`${JSON.stringify({ event: 'built', changed, image })}\n`);
  else if (!flags.quiet) {
    io.stdout.write(`${paragraph(wordsOf(image, changed, extension), io.outputColumns)}\n`);
  }
}

function wordsOf(
  { name, digest }: ImageView,
  changed: boolean,
  { requirements }: ExtendImageRequest,
): string {
  const file = requirements === undefined ? 'Dockerfile' : 'requirements file';
  if (!changed) {
    return `Image ${name} is extended with this ${file} already. To have it built again, change the file: pin a version, say.`;
  }
  return (
    `Image ${name} is extended${digest === undefined ? '' : `: ${digest}`}. New sessions have it, such as with: ` +
    'datalab-client start --name NAME. Those that are there keep their image until they are deleted.'
  );
}

function sameCommand({ requirements, dockerfile }: Call['flags']): string {
  const [flag, file = ''] =
    requirements === undefined ? ['--dockerfile', dockerfile] : ['--requirements', requirements];
  // For a shell.
  const word = /^[\w./-]+$/.test(file) ? file : `'${file.replaceAll("'", "'\\''")}'`;
  return `datalab-client image extend ${flag} ${word}`;
}
