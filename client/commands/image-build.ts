// `datalab-client image build`: asks for a build of the gateway image and follows it to its end.
import type { ImageView } from '../../functions/contract.ts';
import { ApiError, type Api } from '../api/api.ts';
import { openBackend } from '../backend.ts';
import { confirm } from '../confirm.ts';
import type { Io } from '../io.ts';
import { paragraph } from '../output/terminal-text.ts';
import type { Call } from '../verbs.ts';
import { followBuild } from './image-follow.ts';

export async function imageBuild({ flags }: Call, io: Io): Promise<void> {
  await using backend = await openBackend(flags, io);
  const { api } = backend;
  if (flags.force && !flags.yes) await askIfExtended(api, io);
  const begun = await begin(api, flags.force === true);
  const followed = { stage: 'Build', command: 'datalab-client image build' };
  const image = begun ? await followBuild(api, begun, followed, flags, io) : await api.getImage();
  const changed = begun !== undefined;
  if (flags.json) io.stdout.write(`${JSON.stringify({ event: 'built', changed, image })}\n`);
  else if (!flags.quiet) {
    const there = `Image ${image.name} is there already; --force has it built anew.`;
    const words = changed ? `Image ${image.name} is built.` : there;
    io.stdout.write(`${paragraph(words, io.outputColumns)}\n`);
  }
}

/** What `image extend` has added would not be in the new one. */
async function askIfExtended(api: Api, io: Io): Promise<void> {
  const { name, extendedFrom } = await api.getImage('FULL');
  if (!extendedFrom) return;
  await confirm(
    {
      text: `Put the plain image in place of ${name}, which was extended? New sessions have its additions no more.`,
      unasked: `Building ${name} anew would put the plain image in place of one that was extended: give --yes for that.`,
      declined: 'Nothing was built.',
    },
    io,
  );
}

/** Undefined: it is there, and nobody wants it built anew. One that is being built already is this one. */
async function begin(api: Api, force: boolean): Promise<ImageView | undefined> {
  try {
    return await api.buildImage({ force });
  } catch (error) {
    if (error instanceof ApiError && error.status === 'ALREADY_EXISTS') return undefined;
    throw error;
  }
}
