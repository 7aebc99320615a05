// What a registry says of an image beside its digest: manifests and indexes, docker's and OCI's, and the configuration
// that they name, made into facts. registry.ts does the asking. Pure.
// https://github.com/opencontainers/image-spec/blob/main/manifest.md
import { z } from 'zod';

/** Without them a registry may answer with another digest, or none. */
export const MANIFEST_TYPES = [
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json',
];

export interface ImageFacts {
  /** What a machine pulls that has nothing of it: configuration and layers, compressed. */
  sizeBytes: number;
  /** RFC 3339; undefined where the image does not say. */
  createTime?: string | undefined;
  labels: Readonly<Record<string, string>>;
}

const size = z.int().min(0);
const descriptor = z.object({ digest: z.string(), size });
const manifest = z.object({ config: descriptor, layers: z.array(z.object({ size })) });
const index = z.object({
  manifests: z.array(
    z.object({
      digest: z.string(),
      platform: z.object({ os: z.string(), architecture: z.string() }).optional(),
    }),
  ),
});
const configuration = z.object({
  created: z.string().nullish(),
  config: z.object({ Labels: z.record(z.string(), z.string()).nullish() }).nullish(),
});

export type Manifest = z.infer<typeof manifest>;

/** An image's manifest, or the digest of the one that an index has for our machines; undefined: neither. */
export function readManifest(body: unknown): Manifest | { digest: string } | undefined {
  const image = manifest.safeParse(body);
  if (image.success) return image.data;
  const { manifests = [] } = index.safeParse(body).data ?? {};
  const ours = manifests.find(
    ({ platform }) => platform?.os === 'linux' && platform.architecture === 'amd64',
  );
  return ours && { digest: ours.digest };
}

export function factsOf({ config, layers }: Manifest, body: unknown): ImageFacts | undefined {
  const parsed = configuration.safeParse(body);
  if (!parsed.success) return undefined;
  const { created, config: settings } = parsed.data;
  return {
    sizeBytes: layers.reduce((sum, layer) => sum + layer.size, config.size),
    createTime: timeOf(created ?? ''),
    labels: settings?.Labels ?? {},
  };
}

/** Images that are to be the same whenever they are built say year 1, or 1970. */
function timeOf(created: string): string | undefined {
  const time = Date.parse(created);
  return Number.isNaN(time) || time <= 0 ? undefined : new Date(time).toISOString();
}
