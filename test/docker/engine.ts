// The Docker engine that `docker` reaches, which has to have the base images (engine.sh), and images in it that are built once
// for each content. Containers go when their test ends.
import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import { isMissing } from '../helpers/requires.ts';
import { until } from '../helpers/until.ts';

/** Runs `docker`, and answers what it prints, without the last line's end. @throws Error with what it says on standard error */
export type Docker = (...args: string[]) => Promise<string>;

/** Options of a test that needs an image: the first one builds it, with hundreds of Debian's packages. */
export const MAY_BUILD = { timeout: 1_800_000 };

/** What the images of docker/ begin with. */
const BASE_IMAGES = ['debian:trixie-slim', 'node:24-slim'];
/** For flock: files of tests run side by side, each in a process of its own. */
const ONE_AT_A_TIME = ['--close', path.join(tmpdir(), 'datalab-test-engine.lock')];
/** A host that no registry answers at: images with such names are those of this engine, or missing, at once. */
const NOWHERE = '127.0.0.1:1/datalab-test';
const MAX_OUTPUT = 64 * 1_048_576;

let found: { host: string } | { missing: string } | undefined;

/** Undefined: the test is skipped. As root, whose containers' files are to be removed. */
export function requireEngine(t: Pick<TestContext, 'skip'>): Docker | undefined {
  found ??= findEngine();
  if ('host' in found) return docker;
  isMissing(t, found.missing);
  return undefined;
}

export async function docker(...args: string[]): Promise<string> {
  const options = { env: engineEnvironment(), maxBuffer: MAX_OUTPUT };
  return (await promisify(execFile)('docker', args, options)).stdout.trim();
}

/** DOCKER_HOST of the engine that requireEngine has found; empty: what docker takes by itself. */
export function engineHost(): string {
  return found && 'host' in found ? found.host : '';
}

/** What is tested is what Cloud Build's docker does: the classic builder. */
function engineEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, DOCKER_HOST: engineHost(), DOCKER_BUILDKIT: '0' };
}

function findEngine(): { host: string } | { missing: string } {
  const how = 'start one, as root, with: eval "$(test/docker/engine.sh start)"';
  if (process.getuid?.() !== 0) return { missing: 'only root removes what containers leave' };
  const { status } = spawnSync('docker', ['image', 'inspect', ...BASE_IMAGES]);
  if (status === 0) return { host: process.env['DOCKER_HOST'] ?? '' };
  return { missing: `there is no Docker engine with ${BASE_IMAGES.join(' and ')}; ${how}` };
}

/**
 * The name of the image that this folder is built to. One that is there is taken: its tag tells the folder's content and
 * the image that it begins with.
 */
export async function imageOf(
  docker: Docker,
  name: string,
  folder: string,
  { base, args = [] }: { base: string; args?: readonly string[] },
): Promise<string> {
  const id = await docker('image', 'inspect', '--format', '{{.Id}}', base);
  const image = `${NOWHERE}/${name}:${digestOf(folder, [id, ...args])}`;
  const isThere = await docker('image', 'inspect', image).then(
    () => true,
    () => false,
  );
  if (!isThere) await buildImage(image, folder, args);
  return image;
}

/** Whoever waits for another test that builds the same finds its layers. */
async function buildImage(image: string, folder: string, args: readonly string[]): Promise<void> {
  const command = ['docker', 'build', ...args, '--tag', image, folder];
  const options = { env: engineEnvironment(), maxBuffer: MAX_OUTPUT };
  await promisify(execFile)('flock', [...ONE_AT_A_TIME, ...command], options);
}

function digestOf(folder: string, more: readonly string[]): string {
  const hash = createHash('sha256').update(JSON.stringify(more));
  for (const file of readdirSync(folder).sort()) {
    const content = readFileSync(path.join(folder, file));
    hash.update(`${file} ${content.length}\n`).update(content);
  }
  return hash.digest('hex').slice(0, 16);
}

/** `docker run` with these words; the container's id. It goes with the test. */
export async function runContainer(
  t: Pick<TestContext, 'after'>,
  docker: Docker,
  ...args: string[]
): Promise<string> {
  const id = (await docker('run', '--detach', ...args)).trim();
  t.after(() => docker('rm', '--force', '--volumes', id));
  return id;
}

export async function untilHealthy(docker: Docker, container: string): Promise<void> {
  await until(
    `${container} is healthy`,
    async () => {
      const state = await docker('inspect', '--format', '{{json .State}}', container);
      const { Status: status, Health: health } = JSON.parse(state) as State;
      if (status !== 'running') throw new Error(await docker('logs', container));
      return health?.Status === 'healthy';
    },
    180,
  );
}

interface State {
  Status: string;
  Health?: { Status: string };
}
