// An image of ours, built on this machine when it is not there: named by the hash of what it is built of, so that another
// version of the client builds another one. ui-image.ts and local/images.ts say which.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { ClientError } from '../errors.ts';
import { lastLines } from '../output/last-lines.ts';
import { isEngineGone, problemOf, runDocker, type DockerOptions } from './docker-program.ts';

export interface ImageToBuild {
  repository: string;
  /** Folder of its Dockerfile, without folders in it. */
  source: string;
  buildArguments: Readonly<Record<string, string>>;
  /** For people: what it is the image of. */
  what: string;
  /** What to do without it, or about it, when the build fails; with a space before it. */
  advice: string;
}

export interface BuildOptions {
  environment: NodeJS.ProcessEnv;
  /** Gets lines of the build as they come. */
  onProgress: (line: string) => void;
  signal?: AbortSignal | undefined;
}

const BUILD_MILLISECONDS = 30 * 60_000;
/** Images of ours that are no longer the one. */
export const IMAGE_LABEL = 'datalab.image';

/**
 * @returns its name
 * @throws ClientError with the end of the build; the signal's reason, and nothing is left then but layers for the next time
 */
export async function ensureImage(image: ImageToBuild, options: BuildOptions): Promise<string> {
  const { environment, signal } = options;
  const name = nameOf(image);
  signal?.throwIfAborted();
  const look = await runDocker(['image', 'inspect', '--format', '{{.Id}}', name], {
    environment,
    signal,
  });
  signal?.throwIfAborted();
  if (look.code === 0) return name;
  if (isEngineGone(look)) {
    throw new ClientError(`The image of the ${image.what} needs Docker: ${problemOf(look)}.`);
  }
  await build(name, image, options);
  await removeOthers(name, image, options);
  return name;
}

export function nameOf({
  repository,
  source,
  buildArguments,
}: Pick<ImageToBuild, 'repository' | 'source' | 'buildArguments'>): string {
  const hash = createHash('sha256').update(JSON.stringify(buildArguments));
  for (const file of readdirSync(source).sort()) {
    hash.update(JSON.stringify([file, readFileSync(path.join(source, file), 'utf8')]));
  }
  return `${repository}:${hash.digest('hex').slice(0, 16)}`;
}

/** Two at once build it twice, of the same layers; both have the name then, and the last one keeps it. */
async function build(name: string, image: ImageToBuild, options: BuildOptions): Promise<void> {
  const { source, buildArguments, repository } = image;
  const { environment, signal, onProgress } = options;
  const args = [
    ...['build', '--tag', name, '--label', `${IMAGE_LABEL}=${repository}`],
    ...Object.entries(buildArguments).flatMap(([key, value]) => ['--build-arg', `${key}=${value}`]),
    ...['--force-rm', source],
  ];
  const lines: string[] = [];
  const built = await runDocker(args, {
    ...{ environment, signal, limitMilliseconds: BUILD_MILLISECONDS },
    onLine: (line) => {
      if (line.trim() === '') return;
      onProgress(line.trim());
      lines.push(line);
      if (lines.length > 20) lines.shift();
    },
  });
  signal?.throwIfAborted();
  if (built.code === 0) return;
  const why = built.code === 124 ? problemOf(built) : lastLines(lines.join('\n'), 10);
  throw new ClientError(
    `The image of the ${image.what} could not be built.${image.advice} The end of the build:\n${why}`,
  );
}

/** Whoever still runs one keeps it: the engine removes none that a container uses. What fails does no harm. */
async function removeOthers(
  name: string,
  { repository }: ImageToBuild,
  { environment }: BuildOptions,
): Promise<void> {
  const bounded: DockerOptions = { environment };
  const filter = ['--filter', `label=${IMAGE_LABEL}=${repository}`];
  const format = ['--format', '{{.ID}} {{.Repository}}:{{.Tag}}'];
  const { stdout } = await runDocker(['images', ...filter, ...format], bounded);
  const images = stdout.split('\n').map((line) => line.split(' '));
  const current = images.find(([, tag]) => tag?.endsWith(name))?.[0];
  const others = images.flatMap(([id, tag]) => {
    if (id === undefined || tag === undefined || id === current) return [];
    return [tag.includes('<none>') ? id : tag];
  });
  if (others.length > 0) await runDocker(['image', 'rm', ...others], bounded);
}
