// The images of a local session: of the gateway the one that was asked for, or ours; of the agent ours. Ours are built on this
// machine, of the same files as a project's.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { ensureImage, type BuildOptions } from '../docker/built-image.ts';
import { lastLines } from '../output/last-lines.ts';
import { problemOf, runDocker } from '../docker/docker-program.ts';
import { ClientError } from '../errors.ts';
import { AGENT_IMAGE_SOURCE, GATEWAY_IMAGE_SOURCE } from '../installed.ts';
import { localFolder } from './place.ts';

export interface ImagesWanted {
  stateDir: string;
  /** Of the gateway: a name in a registry, or of an image that is here. Undefined: ours. */
  image: string | undefined;
  /** `default`, `none`, or a mirror's URL. */
  pypi: string;
}

const PULL_MILLISECONDS = 30 * 60_000;

/** @returns their names. @throws ClientError with what docker says */
export async function ensureImages(
  wanted: ImagesWanted,
  options: BuildOptions,
): Promise<{ gateway: string; agent: string }> {
  const [gateway, agent] = await Promise.all([
    wanted.image === undefined ? gatewayImage(wanted, options) : pulledImage(wanted.image, options),
    agentImage(wanted.stateDir, options),
  ]);
  return { gateway, agent };
}

async function gatewayImage({ pypi }: ImagesWanted, options: BuildOptions): Promise<string> {
  const image = {
    ...{ repository: 'datalab-gateway', source: GATEWAY_IMAGE_SOURCE },
    ...{ buildArguments: { PYPI: pypi }, what: 'gateway' },
    advice: ' Where PyPI cannot be reached, set DATALAB_GATEWAY_PYPI to none, or to a mirror.',
  };
  return await ensureImage(image, options);
}

async function agentImage(stateDir: string, options: BuildOptions): Promise<string> {
  const image = { repository: 'datalab-agent', buildArguments: {}, what: 'agent', advice: '' };
  if (typeof AGENT_IMAGE_SOURCE === 'string') {
    return await ensureImage({ ...image, source: AGENT_IMAGE_SOURCE }, options);
  }
  // Of the sources: they are bundled first.
  mkdirSync(localFolder(stateDir), { recursive: true, mode: 0o700 });
  const work = mkdtempSync(path.join(localFolder(stateDir), '.agent-'));
  try {
    const { program } = AGENT_IMAGE_SOURCE;
    await promisify(execFile)(process.execPath, [program, work], { signal: options.signal });
    return await ensureImage({ ...image, source: path.join(work, 'agent') }, options);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** One that is here is taken as it is: its name says which one is meant, or nobody has said. */
async function pulledImage(image: string, options: BuildOptions): Promise<string> {
  const { environment, signal, onProgress } = options;
  const known = await runDocker(['image', 'inspect', '--format', '{{.Id}}', image], options);
  signal?.throwIfAborted();
  if (known.code === 0) return image;
  onProgress(`pulling ${image}`);
  const pulled = await runDocker(['pull', image], {
    ...{ environment, signal, limitMilliseconds: PULL_MILLISECONDS },
    onLine: onProgress,
  });
  signal?.throwIfAborted();
  if (pulled.code === 0) return image;
  throw new ClientError(
    `The gateway image ${image} is not on this machine and cannot be pulled: ${lastLines(problemOf(pulled), 2)}.`,
  );
}
