// The stand-in for docker in the steps of a build: `build`, `tag`, `pull`, `inspect` and `push`, as far as they go without an
// engine.
import { parseArgs } from 'node:util';
import { build } from './docker-build.ts';
import { inspect } from './docker-base.ts';
import { DockerError, requireName, requireReference, unknownFlag } from './docker-error.ts';
import { openLocalImages, type LocalImages } from './docker-images.ts';
import { pullImage } from './docker-pull.ts';
import { pushImage } from './docker-push.ts';
import { RegistryError } from './docker-registry.ts';
import { DockerfileError } from './dockerfile.ts';

interface Surroundings {
  images: LocalImages;
  registryUrl: string;
  home: string;
}

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
    case 'pull':
      await pull(args, surroundings);
      break;
    case 'inspect':
      inspect(args, surroundings.images);
      break;
    case 'push':
      await push(args, surroundings);
      break;
    default:
      throw new DockerError(`docker (emulated): '${verb}' needs a container engine`, 125);
  }
}

function tag(args: readonly string[], images: LocalImages): void {
  const [source, target] = args;
  if (args.length !== 2) throw new DockerError('"docker tag" requires exactly 2 arguments.');
  const image = images.find(requireName(source ?? ''));
  if (!image) throw new DockerError(`Error response from daemon: No such image: ${source ?? ''}`);
  images.tag(requireName(target ?? ''), image);
}

async function pull(args: readonly string[], surroundings: Surroundings): Promise<void> {
  const { values, positionals } = readPullArguments(args);
  if (positionals.length !== 1) throw new DockerError('"docker pull" requires exactly 1 argument.');
  const name = requireReference(positionals[0] ?? '');
  const say = (line: string) => {
    if (values.quiet !== true) console.log(line);
  };
  const [, repository = '', reference = ''] = /^[^/]+\/([^:@]+)[:@](.+)$/.exec(name) ?? [];
  say(`${reference}: Pulling from ${repository}`);
  say(`Digest: ${await pullImage({ ...surroundings, name })}`);
  say(`Status: Downloaded newer image for ${name}`);
  console.log(name);
}

function readPullArguments(args: readonly string[]) {
  try {
    const options = { quiet: { type: 'boolean', short: 'q' } } as const;
    return parseArgs({ args: [...args], allowPositionals: true, options });
  } catch (error) {
    throw unknownFlag('pull', error);
  }
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

try {
  const { env } = process;
  await docker(process.argv.slice(2), {
    images: openLocalImages(env['DATALAB_EMULATOR_DOCKER_FOLDER'] ?? ''),
    registryUrl: env['DATALAB_EMULATOR_REGISTRY'] ?? '',
    home: env['HOME'] ?? '',
  });
} catch (error) {
  const isPull = process.argv[2] === 'pull' && error instanceof RegistryError;
  const isDaemon = error instanceof DockerfileError || isPull;
  const message = error instanceof Error ? error.message : String(error);
  console.error(isDaemon ? `Error response from daemon: ${message}` : message);
  const isOurs = isDaemon || error instanceof RegistryError;
  process.exitCode = error instanceof DockerError ? error.status : isOurs ? 1 : 125;
}
