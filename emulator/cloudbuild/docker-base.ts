// Images that are there already: what `docker inspect --format` says of them, and what is built on top of them begins with.
// docker.ts and docker-build.ts ask.
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { DockerError, requireReference, unknownFlag } from './docker-error.ts';
import type { LocalImage, LocalImages } from './docker-images.ts';
import type { Instruction } from './dockerfile.ts';
import type { ImageConfig } from './image-config.ts';

const texts = z.array(z.string()).nullish();
const things = z.record(z.string(), z.looseObject({})).nullish();
const configuration = z.object({
  config: z
    .object({
      Env: texts,
      Cmd: texts,
      Entrypoint: texts,
      Labels: z.record(z.string(), z.string()).nullish(),
      WorkingDir: z.string().nullish(),
      User: z.string().nullish(),
      ExposedPorts: things,
      Volumes: things,
      Healthcheck: z.looseObject({}).nullish(),
    })
    .nullish(),
  rootfs: z.object({ diff_ids: z.array(z.string()) }),
  history: z.array(z.looseObject({})).nullish(),
});

/** What an image begins with. */
export interface Base {
  layers: LocalImage['layers'];
  diffIds: string[];
  history: object[];
  config: Partial<ImageConfig>;
}

/** `docker inspect --format {{.Config.User}} IMAGE`. @throws DockerError */
export function inspect(args: readonly string[], images: LocalImages): void {
  const { values, positionals } = readArguments(args);
  const [name = ''] = positionals;
  const image = images.find(requireReference(name));
  if (!image) throw new DockerError(`Error: No such object: ${name}`);
  const [, field] = /^\{\{ *\.Config\.(User|WorkingDir) *\}\}$/.exec(values.format ?? '') ?? [];
  if (field !== 'User' && field !== 'WorkingDir') {
    throw new DockerError(
      `docker (emulated): no such format is known: ${values.format ?? ''}`,
      125,
    );
  }
  console.log(readBase(image, images).config[field] ?? '');
}

function readArguments(args: readonly string[]) {
  try {
    const options = { format: { type: 'string', short: 'f' } } as const;
    return parseArgs({ args: [...args], allowPositionals: true, options });
  } catch (error) {
    throw unknownFlag('inspect', error);
  }
}

/**
 * Of the image that the last stage begins with, if it is here; others are taken for empty ones.
 * @param instructions with what build arguments say in the place of their names
 */
export function findBase(
  instructions: readonly Instruction[],
  images: LocalImages,
): Base | undefined {
  const stages = new Map<string, string>();
  let last = '';
  for (const { name, rest } of instructions) {
    if (name !== 'FROM') continue;
    const [image = '', , as] = rest.split(/\s+/).filter((word) => !word.startsWith('--'));
    last = stages.get(image) ?? image;
    if (as !== undefined) stages.set(as, last);
  }
  const found = images.find(last);
  return found && readBase(found, images);
}

function readBase({ config, layers }: LocalImage, images: LocalImages): Base {
  const content = configuration.parse(JSON.parse(images.read(config).toString()));
  const set = Object.entries(content.config ?? {}).filter(
    ([, value]) => value !== null && value !== undefined,
  );
  return {
    layers,
    diffIds: content.rootfs.diff_ids,
    history: content.history ?? [],
    config: Object.fromEntries(set),
  };
}
