// The container registry: which digest a tag has now. Asked by image-look.ts when a session gets its images pinned.
import type { GoogleAuth } from 'google-auth-library';
import type { Config } from '../config.ts';
import { parseImageName, pinnedImage } from '../images.ts';
import { boundedCall, googleError } from './call.ts';
import { explainNoAnswer } from './rest.ts';

const NAME = 'The image registry';
/** Docker's and OCI's manifests and indexes: without them a registry may answer with another digest, or none. */
const ACCEPT = [
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json',
].join(', ');

export interface Registry {
  /** The image with its digest; undefined when it is not there. @throws AppError */
  findPinned(image: string): Promise<string | undefined>;
}

export function createRegistry(
  { registryUrl, callSeconds }: Pick<Config, 'registryUrl' | 'callSeconds'>,
  auth: () => Promise<GoogleAuth>,
): Registry {
  return {
    findPinned: async (image) => {
      const name = parseImageName(image);
      const base = registryUrl ?? `https://${name.host}`;
      const url = `${base}/v2/${name.repository}/manifests/${name.reference}`;
      const isOurs = registryUrl !== undefined || isGoogles(name.host);
      const ask = (signal: AbortSignal) => head(url, isOurs ? auth : undefined, signal);
      const reply = await boundedCall(NAME, callSeconds, ask, explainNoAnswer);
      if (reply.status === 404) return undefined;
      const digest = reply.headers.get('docker-content-digest');
      if (reply.ok && digest !== null && /^sha256:[0-9a-f]{64}$/.test(digest)) {
        return pinnedImage(name, digest);
      }
      const message = reply.ok ? `no digest for ${image}` : `HTTP ${reply.status} for ${image}`;
      throw googleError(NAME, { httpStatus: reply.ok ? 502 : reply.status, message });
    },
  };
}

/** The policy may allow images of other registries: none of them gets to see the backend's own credentials. */
function isGoogles(host: string): boolean {
  return host === 'gcr.io' || host.endsWith('.gcr.io') || host.endsWith('.pkg.dev');
}

async function head(
  url: string,
  auth: (() => Promise<GoogleAuth>) | undefined,
  signal: AbortSignal,
) {
  const token = await (await auth?.())?.getAccessToken();
  return await fetch(url, {
    method: 'HEAD',
    headers: { accept: ACCEPT, ...(token ? { authorization: `Bearer ${token}` } : {}) },
    signal,
  });
}
