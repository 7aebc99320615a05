// `docker pull` of a build's docker: manifest, then blobs, into the local images.
// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pull
import { gzipSync } from 'node:zlib';
import { z } from 'zod';
import { digestOf } from '../registry/state.ts';
import type { Blob, LocalImages } from './docker-images.ts';
import { Registry, RegistryError, type RegistryAccess } from './docker-registry.ts';

export interface PullOptions extends RegistryAccess {
  /** With its tag, or by its digest. */
  name: string;
  images: LocalImages;
}

/** Host, repository, tag or digest. */
const PARTS = /^([^/]+)\/([^:@]+)[:@](.+)$/;
const TYPES =
  'application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json';
const blob = z.object({ digest: z.string(), mediaType: z.string() });
const manifest = z.object({ config: blob, layers: z.array(blob) });

/** The manifest's digest. @throws RegistryError in docker's words */
export async function pullImage(options: PullOptions): Promise<string> {
  const { name, images } = options;
  const [, host = '', repository = '', reference = ''] = PARTS.exec(name) ?? [];
  const registry = new Registry(options, host, repository);
  const content = await manifestOf(registry, name, reference);
  const { config, layers } = manifest.parse(JSON.parse(content.toString()));
  const kept: Blob[] = [];
  for (const layer of layers) {
    const layerContent = await blobOf(registry, layer.digest);
    // As it is pushed again: compressed.
    const isCompressed = layer.mediaType.endsWith('gzip');
    kept.push(images.write(isCompressed ? layerContent : gzipSync(layerContent)));
  }
  const keptConfig = images.write(await blobOf(registry, config.digest));
  images.tag(name, { config: keptConfig, layers: kept });
  return digestOf(content);
}

async function manifestOf(registry: Registry, name: string, reference: string): Promise<Buffer> {
  try {
    const reply = await registry.call('GET', registry.path(`manifests/${reference}`), {
      accept: TYPES,
    });
    return Buffer.from(await reply.arrayBuffer());
  } catch (error) {
    if (!(error instanceof RegistryError) || error.status !== 404) throw error;
    const what = `manifest for ${name} not found: manifest unknown: ${error.message}`;
    throw new RegistryError(what, error.status);
  }
}

async function blobOf(registry: Registry, digest: string): Promise<Buffer> {
  const reply = await registry.call('GET', registry.path(`blobs/${digest}`), {});
  const content = Buffer.from(await reply.arrayBuffer());
  if (digestOf(content) === digest) return content;
  throw new RegistryError(`filesystem layer verification failed for digest ${digest}`);
}
