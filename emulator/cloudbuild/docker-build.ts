// `docker build` of a build's docker: reads and checks the Dockerfile and makes one layer of it and its context. What RUN
// says is not run. docker.ts calls it.
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { z } from 'zod';
import { digestOf } from '../registry/state.ts';
import { createTar } from '../registry/tar.ts';
import { resolveArguments, type Resolved } from './build-arguments.ts';
import { findBase, type Base } from './docker-base.ts';
import { DockerError, requireName, unknownFlag } from './docker-error.ts';
import type { LocalImage, LocalImages } from './docker-images.ts';
import { shortId } from './docker-push.ts';
import { copyOf, parseDockerfile, type Instruction } from './dockerfile.ts';
import { configOf } from './image-config.ts';

const imageHistory = z.object({
  history: z.array(z.object({ created_by: z.string().optional() })).default([]),
});
/** Instructions that add a layer, as the image's history shows it. */
const LAYERED = ['RUN', 'COPY', 'ADD'];

export function build(args: readonly string[], images: LocalImages): void {
  const { values, positionals } = readBuildArguments(args);
  const [context = ''] = positionals;
  if (positionals.length !== 1)
    throw new DockerError('"docker build" requires exactly 1 argument.');
  if (!statSync(context, { throwIfNoEntry: false })?.isDirectory()) {
    throw new DockerError(`unable to prepare context: path "${context}" not found`);
  }
  const names = (values.tag ?? []).map((name) => requireName(name));
  const sources = (values['cache-from'] ?? []).map((name) => images.find(requireName(name)));
  const file = values.file ?? path.join(context, 'Dockerfile');
  const written = parseDockerfile(readDockerfile(file));
  const given = new Map(Object.entries(pairsIn(values['build-arg'] ?? [])));
  const { instructions, unused } = resolveArguments(written, given);
  for (const instruction of instructions) checkSources(instruction, context);
  const layer = createTar(context, ['.']);
  console.log(`Sending build context to Docker daemon  ${layer.length}B`);
  const cached = Math.max(0, ...sources.map((source) => commonSteps(instructions, source, images)));
  const from = written.findIndex(({ name }) => name === 'FROM');
  for (const [index, { name, rest }] of written.entries()) {
    console.log(`Step ${index + 1}/${written.length} : ${name} ${rest}`);
    if (index > from && index < cached) console.log(' ---> Using cache');
    else if (name === 'RUN') console.log(' ---> (not run: the emulator has no container engine)');
  }
  if (unused.length > 0) {
    console.log(`[Warning] One or more build-args [${unused.join(' ')}] were not consumed`);
  }
  const base = findBase(instructions, images);
  const image = makeImage(instructions, layer, pairsIn(values.label ?? []), images, base);
  console.log(`Successfully built ${shortId(image.config)}`);
  for (const name of names) {
    images.tag(name, image);
    console.log(`Successfully tagged ${name}`);
  }
}

/** How many instructions an image begins with that are these. */
function commonSteps(
  instructions: Resolved['instructions'],
  source: LocalImage | undefined,
  images: LocalImages,
): number {
  if (!source) return 0;
  const { history } = imageHistory.parse(JSON.parse(images.read(source.config).toString()));
  const other = instructions.findIndex(
    (instruction, index) => history[index]?.created_by !== instruction.history,
  );
  return other === -1 ? instructions.length : other;
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
        'build-arg': many,
        'cache-from': many,
        // What RUN says is not run: there is nothing to connect.
        network: { type: 'string' },
        file: { type: 'string', short: 'f' },
        'no-cache': { type: 'boolean' },
        pull: { type: 'boolean' },
      },
    });
  } catch (error) {
    throw unknownFlag('build', error);
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

function pairsIn(given: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    given.map((pair) => {
      const at = pair.indexOf('=');
      return at === -1 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}

/** No times in it: the same source is the same image. */
function makeImage(
  instructions: Resolved['instructions'],
  tar: Buffer,
  labels: Record<string, string>,
  images: LocalImages,
  base: Base | undefined,
): LocalImage {
  const config = configOf(instructions, base?.config);
  const last = instructions.findLastIndex(({ name }) => LAYERED.includes(name));
  const layer = images.write(gzipSync(tar));
  const content = {
    architecture: 'amd64',
    os: 'linux',
    config: { ...config, Labels: { ...config.Labels, ...labels } },
    rootfs: { type: 'layers', diff_ids: [...(base?.diffIds ?? []), digestOf(tar)] },
    history: [
      ...(base?.history ?? []),
      ...instructions.map(({ history }, index) => ({
        created_by: history,
        // All of the content is in one layer: that of the last instruction that makes some, or of FROM.
        ...(index === Math.max(last, 0) ? {} : { empty_layer: true }),
      })),
    ],
  };
  const written = images.write(Buffer.from(JSON.stringify(content)));
  return { config: written, layers: [...(base?.layers ?? []), layer] };
}
