// `datalab-client image status`: the project's gateway image, who uses it, and its last build.
import { openBackend } from '../backend.ts';
import type { Io } from '../io.ts';
import { imageDetails } from '../output/image-details.ts';
import type { Call } from '../verbs.ts';

export async function imageStatus({ flags }: Call, io: Io): Promise<void> {
  await using backend = await openBackend(flags, io);
  const image = await backend.api.getImage('FULL');
  io.stdout.write(`${flags.json ? JSON.stringify(image) : imageDetails(image, io)}\n`);
}
