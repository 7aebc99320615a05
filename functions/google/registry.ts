// The container registry: which digest a tag has now. Read by observe.ts when a session gets its images pinned.
import type { GoogleAuth } from 'google-auth-library';
import type { Config } from '../config.ts';
import { AppError } from '../errors.ts';
import { parseImageName, pinnedImage, type Images } from '../images.ts';
import type { Looks } from '../observe.ts';
import { boundedCall, googleError, type CallFailure } from './call.ts';

const NAME = 'The image registry';
/** Docker's and OCI's manifests and indexes: without them a registry may answer with another digest, or none. */
const ACCEPT = [
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json',
].join(', ');

export function createRegistry(
  config: Config,
  auth: () => Promise<GoogleAuth>,
): Pick<Looks, 'pinImages'> {
  return {
    pinImages: async (): Promise<Images> => {
      const [gateway, agent] = await Promise.all([
        pin(config.gatewayImage, config, auth),
        pin(config.agentImage, config, auth),
      ]);
      return { gateway, agent };
    },
  };
}

async function pin(
  image: string,
  { registryUrl, callSeconds }: Config,
  auth: () => Promise<GoogleAuth>,
): Promise<string> {
  const name = parseImageName(image);
  const base = registryUrl ?? `https://${name.host}`;
  const url = `${base}/v2/${name.repository}/manifests/${name.reference}`;
  const reply = await boundedCall(NAME, callSeconds, () => head(url, auth, callSeconds), explain);
  if (reply.status === 404) throw missingImage(image);
  const digest = reply.headers.get('docker-content-digest');
  if (reply.ok && digest !== null && /^sha256:[0-9a-f]{64}$/.test(digest)) {
    return pinnedImage(name, digest);
  }
  const message = reply.ok ? `no digest for ${image}` : `HTTP ${reply.status} for ${image}`;
  throw googleError(NAME, { httpStatus: reply.ok ? 502 : reply.status, message });
}

async function head(url: string, auth: () => Promise<GoogleAuth>, seconds: number) {
  const token = await (await auth()).getAccessToken();
  return await fetch(url, {
    method: 'HEAD',
    headers: { accept: ACCEPT, authorization: `Bearer ${token ?? ''}` },
    signal: AbortSignal.timeout(seconds * 1000),
  });
}

/** No answer, from the registry or from where credentials come from. */
function explain(error: unknown): CallFailure {
  const { cause } = error instanceof Error ? error : {};
  const reason = cause instanceof Error ? cause : error;
  return { message: reason instanceof Error ? reason.message : 'no answer', cause: error };
}

function missingImage(image: string): AppError {
  return new AppError(
    'FAILED_PRECONDITION',
    `Image ${image} is not in the registry. Push it there (docker push ${image}), then start the session again.`,
  );
}
