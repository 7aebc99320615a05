// The stand-in for docker in the steps of a build: `build`, `tag` and `push`, as far as they go without an engine.
// A build reads and checks the Dockerfile and makes one layer of it and its context; what RUN says is not run.
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { digestOf } from '../registry/state.ts';
import { createTar } from '../registry/tar.ts';
import { openLocalImages, withTag, type LocalImage, type LocalImages } from './docker-images.ts';
import { PushError, pushImage, shortId } from './docker-push.ts';
import {
  configOf,
  copyOf,
  DockerfileError,
  parseDockerfile,
  type Instruction,
} from './dockerfile.ts';

interface Surroundings {
  images: LocalImages;
  registryUrl: string;
  home: string;
}

/** What docker would say on standard error, and its exit status. */
class DockerError extends Error {
  readonly status: number;

  constructor(message: string, status = 1) {
    super(message);
    this.status = status;
  }
}

/** Instructions that add a layer, as the image's history shows it. */
const LAYERED = ['RUN', 'COPY', 'ADD'];

async function docker(
  [verb = '', ...args]: readonly string[],
  surroundings: Surroundings,
): Promise<void> {
  switch (verb) {
    case 'build':
      build(args, surroundings.images);
      break;
    case 'tag':
      tag(args, surroundings.images);
      break;
    case 'push':
      await push(args, surroundings);
      break;
    default:
      throw new DockerError(`docker (emulated): '${verb}' needs a container engine`, 125);
  }
}

function build(args: readonly string[], images: LocalImages): void {
  const { values, positionals } = readBuildArguments(args);
  const [context = ''] = positionals;
  if (positionals.length !== 1)
    throw new DockerError('"docker build" requires exactly 1 argument.');
  if (!statSync(context, { throwIfNoEntry: false })?.isDirectory()) {
    throw new DockerError(`unable to prepare context: path "${context}" not found`);
  }
  const names = (values.tag ?? []).map((name) => requireName(name));
  const file = values.file ?? path.join(context, 'Dockerfile');
  const instructions = parseDockerfile(readDockerfile(file));
  for (const instruction of instructions) checkSources(instruction, context);
  const layer = createTar(context, ['.']);
  console.log(`Sending build context to Docker daemon  ${layer.length}B`);
  for (const [index, { name, rest }] of instructions.entries()) {
    console.log(`Step ${index + 1}/${instructions.length} : ${name} ${rest}`);
    if (name === 'RUN') console.log(' ---> (not run: the emulator has no container engine)');
  }
  const image = makeImage(instructions, layer, readLabels(values.label ?? []), images);
  console.log(`Successfully built ${shortId(image.config)}`);
  for (const name of names) {
    images.tag(name, image);
    console.log(`Successfully tagged ${name}`);
  }
}

function readBuildArguments(args: readonly string[]) {
  const many = { type: 'string', multiple: true } as const;
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        tag: { ...many, short: 't' },
        label: many,
        file: { type: 'string', short: 'f' },
        'no-cache': { type: 'boolean' },
        pull: { type: 'boolean' },
      },
    });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new DockerError(`docker (emulated): ${why}\nSee 'docker build --help'.`, 125);
  }
}

function readDockerfile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    const where = path.resolve(file);
    throw new DockerError(
      `unable to prepare context: unable to evaluate symlinks in Dockerfile path: lstat ${where}: no such file or directory`,
    );
  }
}

function checkSources(instruction: Instruction, context: string): void {
  if (instruction.name !== 'COPY' && instruction.name !== 'ADD') return;
  const { paths, isForeign } = copyOf(instruction);
  if (isForeign) return;
  for (const source of paths.slice(0, -1)) {
    if (/^https?:|<<|[*?[]/.test(source)) continue;
    if (statSync(path.join(context, source), { throwIfNoEntry: false })) continue;
    throw new DockerError(
      `${instruction.name} failed: file not found in build context or excluded by .dockerignore: stat ${source}: file does not exist`,
    );
  }
}

function readLabels(given: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    given.map((label) => {
      const at = label.indexOf('=');
      return at === -1 ? [label, ''] : [label.slice(0, at), label.slice(at + 1)];
    }),
  );
}

/** No times in it: the same source is the same image. */
function makeImage(
  instructions: readonly Instruction[],
  tar: Buffer,
  labels: Record<string, string>,
  images: LocalImages,
): LocalImage {
  const config = configOf(instructions);
  const last = instructions.findLastIndex(({ name }) => LAYERED.includes(name));
  const layer = images.write(gzipSync(tar));
  const content = {
    architecture: 'amd64',
    os: 'linux',
    config: { ...config, Labels: { ...config.Labels, ...labels } },
    rootfs: { type: 'layers', diff_ids: [digestOf(tar)] },
    history: instructions.map(({ name, rest }, index) => ({
      created_by: `${name} ${rest}`,
      // All of the content is in one layer: that of the last instruction that makes some, or of FROM.
      ...(index === Math.max(last, 0) ? {} : { empty_layer: true }),
    })),
  };
  return { config: images.write(Buffer.from(JSON.stringify(content))), layers: [layer] };
}

function tag(args: readonly string[], images: LocalImages): void {
  const [source, target] = args;
  if (args.length !== 2) throw new DockerError('"docker tag" requires exactly 2 arguments.');
  const image = images.find(requireName(source ?? ''));
  if (!image) throw new DockerError(`Error response from daemon: No such image: ${source ?? ''}`);
  images.tag(requireName(target ?? ''), image);
}

async function push(args: readonly string[], surroundings: Surroundings): Promise<void> {
  const { images, registryUrl, home } = surroundings;
  if (args.length !== 1) throw new DockerError('"docker push" requires exactly 1 argument.');
  const name = requireName(args[0] ?? '');
  const [, repository = '', tagged = ''] = /^(.+):([^:/]+)$/.exec(name) ?? [];
  console.log(`The push refers to repository [${repository}]`);
  const image = images.find(name);
  if (!image) throw new DockerError(`An image does not exist locally with the tag: ${repository}`);
  const say = (line: string) => {
    console.log(line);
  };
  const { digest, size } = await pushImage({ name, image, images, registryUrl, home, say });
  console.log(`${tagged}: digest: ${digest} size: ${size}`);
}

function requireName(given: string): string {
  const name = withTag(given);
  if (name !== undefined) return name;
  throw new DockerError(`invalid argument "${given}": invalid reference format`, 125);
}

try {
  const { env } = process;
  await docker(process.argv.slice(2), {
    images: openLocalImages(env['DATALAB_EMULATOR_DOCKER_FOLDER'] ?? ''),
    registryUrl: env['DATALAB_EMULATOR_REGISTRY'] ?? '',
    home: env['HOME'] ?? '',
  });
} catch (error) {
  const isDaemon = error instanceof DockerfileError;
  const message = error instanceof Error ? error.message : String(error);
  console.error(isDaemon ? `Error response from daemon: ${message}` : message);
  const isOurs = isDaemon || error instanceof PushError;
  process.exitCode = error instanceof DockerError ? error.status : isOurs ? 1 : 125;
}
