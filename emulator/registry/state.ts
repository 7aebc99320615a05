// What the emulated registry holds: blobs and manifests by digest, tags. Content stays when a tag moves on,
// since sessions pin digests. Later issues push here.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { openStateFile, writeAtomically } from '../state.ts';
import { createTar } from './tar.ts';

const registryRecord = z.object({
  repositories: z.record(
    z.string(),
    z.object({
      /** Tag -> digest of its manifest. */
      tags: z.record(z.string(), z.string()),
      /** Digest -> media type. */
      manifests: z.record(z.string(), z.string()),
    }),
  ),
});

export interface Manifest {
  digest: string;
  mediaType: string;
  content: Buffer;
}

export interface RegistryState {
  hasRepository(name: string): boolean;
  /** `reference` is a tag or a digest. */
  readManifest(name: string, reference: string): Manifest | undefined;
  listTags(name: string): string[];
  readBlob(digest: string): Buffer | undefined;
  /** Stores an image with one layer and lets the tag name it. */
  pushImage(name: string, tag: string, layer: Buffer): string;
}

const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';
const CONFIG_TYPE = 'application/vnd.oci.image.config.v1+json';
const LAYER_TYPE = 'application/vnd.oci.image.layer.v1.tar';

export function openRegistryState(stateDir: string): RegistryState {
  const folder = path.join(stateDir, 'registry');
  const file = openStateFile(path.join(folder, 'registry.json'), registryRecord, () => ({
    repositories: {},
  }));
  const { repositories } = file.value;
  const blobs = openBlobs(path.join(folder, 'blobs'));
  return {
    hasRepository: (name) => repositories[name] !== undefined,
    readManifest(name, reference) {
      const repository = repositories[name];
      const digest = repository?.tags[reference] ?? reference;
      const mediaType = repository?.manifests[digest];
      const content = mediaType === undefined ? undefined : blobs.read(digest);
      return mediaType === undefined || !content ? undefined : { digest, mediaType, content };
    },
    listTags: (name) => Object.keys(repositories[name]?.tags ?? {}).sort(),
    readBlob: (digest) => blobs.read(digest),
    pushImage(name, tag, layer) {
      const digest = blobs.write(imageManifest(layer, blobs));
      const repository = (repositories[name] ??= { tags: {}, manifests: {} });
      if (repository.tags[tag] === digest) return digest;
      repository.manifests[digest] = MANIFEST_TYPE;
      repository.tags[tag] = digest;
      file.save();
      return digest;
    },
  };
}

/** The two images that an installed backend has; their digests follow what they would be built from. */
export function seedImages(state: RegistryState, project: string, repositoryRoot: string): void {
  const gateway = createTar(repositoryRoot, ['docker/gateway']);
  // As built programs are JavaScript, so is what they are made of.
  const contract = `functions/contract${path.extname(import.meta.filename)}`;
  const agent = createTar(repositoryRoot, ['agent', 'docker/agent', contract]);
  state.pushImage(`${project}/datalab-gateway`, 'latest', gateway);
  state.pushImage(`${project}/datalab-agent`, 'latest', agent);
}

interface Blobs {
  read(digest: string): Buffer | undefined;
  write(content: Buffer): string;
}

function openBlobs(folder: string): Blobs {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const fileOf = (digest: string) => path.join(folder, digest.replace(':', '-'));
  return {
    read(digest) {
      if (!/^sha256:[0-9a-f]{64}$/.test(digest)) return undefined;
      return existsSync(fileOf(digest)) ? readFileSync(fileOf(digest)) : undefined;
    },
    write(content) {
      const digest = digestOf(content);
      if (!existsSync(fileOf(digest))) writeAtomically(fileOf(digest), content);
      return digest;
    },
  };
}

function imageManifest(layer: Buffer, blobs: Blobs): Buffer {
  const layerDigest = blobs.write(layer);
  const config = Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: {},
      rootfs: { type: 'layers', diff_ids: [layerDigest] },
      history: [],
    }),
  );
  const manifest = {
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: { mediaType: CONFIG_TYPE, digest: blobs.write(config), size: config.length },
    layers: [{ mediaType: LAYER_TYPE, digest: layerDigest, size: layer.length }],
  };
  return Buffer.from(JSON.stringify(manifest));
}

function digestOf(content: Buffer): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}
