// The image of the notebook pages, built on this machine when it is not there: named by the hash of what it is built of, so
// that another version of the client builds another one. ui-container.ts runs it.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { ClientError } from '../errors.ts';
import { lastLines } from '../output/last-lines.ts';
import { isEngineGone, problemOf, runDocker, type DockerOptions } from './docker-program.ts';

export interface UiImageOptions {
  /** Folder of its Dockerfile. */
  source: string;
  baseImage: string;
  environment: NodeJS.ProcessEnv;
  /** Gets lines of the build as they come. */
  onProgress: (line: string) => void;
  signal?: AbortSignal | undefined;
  /** Tests have one of their own. */
  repository?: string;
}

const REPOSITORY = 'datalab-ui';
const BUILD_MILLISECONDS = 30 * 60_000;
/** Images of ours that are no longer the one. */
export const UI_IMAGE_LABEL = 'datalab.ui.image';

/**
 * @returns its name
 * @throws ClientError with the end of the build; the signal's reason, and nothing is left then but layers for the next time
 */
export async function ensureUiImage(options: UiImageOptions): Promise<string> {
  const { environment, signal } = options;
  const name = uiImageName(options);
  signal?.throwIfAborted();
  const look = await runDocker(['image', 'inspect', '--format', '{{.Id}}', name], {
    environment,
    signal,
  });
  signal?.throwIfAborted();
  if (look.code === 0) return name;
  if (isEngineGone(look))
    throw new ClientError(`The notebook pages need Docker: ${problemOf(look)}.`);
  await build(name, options);
  await removeOthers(name, options);
  return name;
}

export function uiImageName({
  source,
  baseImage,
  repository = REPOSITORY,
}: Pick<UiImageOptions, 'source' | 'baseImage' | 'repository'>): string {
  const hash = createHash('sha256').update(JSON.stringify(baseImage));
  for (const file of readdirSync(source).sort()) {
    hash.update(JSON.stringify([file, readFileSync(path.join(source, file), 'utf8')]));
  }
  return `${repository}:${hash.digest('hex').slice(0, 16)}`;
}

/** Two at once build it twice, of the same layers; both have the name then, and the last one keeps it. */
async function build(name: string, options: UiImageOptions): Promise<void> {
  const { source, baseImage, environment, signal, onProgress, repository = REPOSITORY } = options;
  const args = [
    ...['build', '--tag', name, '--label', `${UI_IMAGE_LABEL}=${repository}`],
    ...['--build-arg', `BASE_IMAGE=${baseImage}`, '--force-rm', source],
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
    `The image of the notebook pages could not be built of ${baseImage} (DATALAB_UI_BASE_IMAGE). ` +
      `Without it: --ui process. The end of the build:\n${why}`,
  );
}

/** Whoever still runs one keeps it: the engine removes none that a container uses. What fails does no harm. */
async function removeOthers(name: string, options: UiImageOptions): Promise<void> {
  const { environment, repository = REPOSITORY } = options;
  const bounded: DockerOptions = { environment };
  const filter = ['--filter', `label=${UI_IMAGE_LABEL}=${repository}`];
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
