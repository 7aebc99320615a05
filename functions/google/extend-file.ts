// cloudbuild/extend.yaml: read, checked, and made into the build that extends the gateway image. cloudbuild.ts submits it.
import { z } from 'zod';
import type { WantedExtension } from '../image-record.ts';
import { parseImageName } from '../images.ts';
import {
  buildFile,
  placed,
  readFileOf,
  type BuildRequest,
  type BuildSurroundings,
} from './build-file.ts';

/** The step that gets the extension's text. */
const SOURCE = 'source';

const any = z.string();
const extendFile = buildFile
  .extend({
    substitutions: z.strictObject({
      _IMAGE: any,
      _TAG: any,
      _VERSION: any,
      _KIND: any,
      _BASE: any,
      _BASE_NAME: any,
      _BASE_DIGEST: any,
    }),
  })
  .refine(({ steps }) => steps.some(({ id }) => id === SOURCE), {
    message: `needs a step whose id is ${SOURCE}`,
    path: ['steps'],
  });
export type ExtendFile = z.infer<typeof extendFile>;

/** @throws AppError that names the file when it cannot be read or extends no image */
export function readExtendFile(file: string): Promise<ExtendFile> {
  return readFileOf(file, 'EXTEND_FILE', (content) => extendFile.parse(content));
}

/** What Cloud Build is asked for. Only an image that begins with its base is labelled with it. */
export function extendResource(
  file: ExtendFile,
  { image, tag, version, extension }: BuildRequest & { extension: WantedExtension },
  surroundings: BuildSurroundings,
) {
  const { host, repository, reference } = parseImageName(image);
  const { kind, text, base, isOnBase } = extension;
  return {
    ...file,
    steps: file.steps.map((step) =>
      step.id === SOURCE ? { ...step, args: [...(step.args ?? []), ...piecesOf(text)] } : step,
    ),
    substitutions: {
      _IMAGE: `${host}/${repository}`,
      _TAG: reference,
      _VERSION: version,
      _KIND: kind,
      _BASE: base,
      _BASE_NAME: isOnBase ? image : '',
      _BASE_DIGEST: isOnBase ? parseImageName(base).reference : '',
    },
    ...placed(file, tag, surroundings),
  };
}

/** An argument has 10,000 characters, after substitution, as far as is known; bytes are never less. */
const MAX_PIECE_BYTES = 10_000;

/** Put together they are the text; a dollar sign that Cloud Build is to leave alone is written twice. */
export function piecesOf(text: string): string[] {
  const pieces: string[] = [];
  let piece = '';
  let bytes = 0;
  // Whole characters.
  for (const character of text) {
    const written = character === '$' ? '$$' : character;
    const size = Buffer.byteLength(written);
    if (bytes + size > MAX_PIECE_BYTES) {
      pieces.push(piece);
      [piece, bytes] = ['', 0];
    }
    piece += written;
    bytes += size;
  }
  return [...pieces, piece];
}
