// `docker push` of a build's docker: blobs, then the manifest, through the registry's own API.
// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#push
import { digestOf } from '../registry/state.ts';
import type { Blob, LocalImage, LocalImages } from './docker-images.ts';
import { Registry, RegistryError, type RegistryAccess } from './docker-registry.ts';

export interface PushOptions extends RegistryAccess {
  /** With its tag. */
  name: string;
  image: LocalImage;
  images: LocalImages;
  say: (line: string) => void;
}

const MANIFEST_TYPE = 'application/vnd.docker.distribution.manifest.v2+json';
const CONFIG_TYPE = 'application/vnd.docker.container.image.v1+json';
const LAYER_TYPE = 'application/vnd.docker.image.rootfs.diff.tar.gzip';

/** The manifest's digest. @throws RegistryError */
export async function pushImage(options: PushOptions): Promise<{ digest: string; size: number }> {
  const { name, image, images, say } = options;
  const [, host = '', repository = '', tag = ''] = /^([^/]+)\/(.+):([^:/]+)$/.exec(name) ?? [];
  const registry = new Registry(options, host, repository);
  for (const layer of image.layers) {
    const isNew = await pushBlob(layer, images, registry);
    say(`${shortId(layer)}: ${isNew ? 'Pushed' : 'Layer already exists'}`);
  }
  await pushBlob(image.config, images, registry);
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST_TYPE,
      config: { mediaType: CONFIG_TYPE, ...image.config },
      layers: image.layers.map((layer) => ({ mediaType: LAYER_TYPE, ...layer })),
    }),
  );
  const headers = { 'content-type': MANIFEST_TYPE };
  await registry.call('PUT', registry.path(`manifests/${tag}`), headers, manifest);
  return { digest: digestOf(manifest), size: manifest.length };
}

/** Whether it was not there before. */
async function pushBlob(blob: Blob, images: LocalImages, registry: Registry): Promise<boolean> {
  const there = await registry.fetch('HEAD', registry.path(`blobs/${blob.digest}`), {});
  if (there.ok) return false;
  const begun = await registry.call('POST', registry.path('blobs/uploads/'), {});
  const type = { 'content-type': 'application/octet-stream' };
  const sent = await registry.call('PATCH', locationOf(begun), type, images.read(blob));
  const end = new URL(locationOf(sent), 'http://registry');
  end.searchParams.set('digest', blob.digest);
  await registry.call('PUT', `${end.pathname}${end.search}`, {});
  return true;
}

function locationOf(reply: Response): string {
  const location = reply.headers.get('location');
  if (location === null) throw new RegistryError('the registry did not say where to go on');
  return location;
}

export function shortId({ digest }: Blob): string {
  return digest.slice('sha256:'.length, 'sha256:'.length + 12);
}
