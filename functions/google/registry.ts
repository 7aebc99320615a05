// The container registry: which digest a tag has now (image-look.ts asks when a session gets its images pinned), and what
// is known of that image (image-details.ts).
import type { GoogleAuth } from 'google-auth-library';
import type { Config } from '../config.ts';
import { parseImageName, pinnedImage, type ImageName } from '../images.ts';
import { boundedCall, googleError } from './call.ts';
import { factsOf, MANIFEST_TYPES, readManifest, type ImageFacts } from './image-manifest.ts';
import { explainNoAnswer } from './rest.ts';

const NAME = 'The image registry';
/** Of a manifest, and of an image's configuration: what is larger is not read. */
const MAX_BYTES = 4_194_304;

export interface Registry {
  /** The image with its digest; undefined when it is not there. @throws AppError */
  findPinned(image: string): Promise<string | undefined>;
  /** Of an image with its digest; undefined when it is not there, or nothing that our machines run. @throws AppError */
  describe(image: string): Promise<ImageFacts | undefined>;
}

type Auth = () => Promise<GoogleAuth>;
type Ask = (path: string, method?: 'GET' | 'HEAD') => Promise<Response>;

export function createRegistry(
  { registryUrl, callSeconds }: Pick<Config, 'registryUrl' | 'callSeconds'>,
  auth: Auth,
): Registry {
  const asking = <T>(image: string, work: (ask: Ask, name: ImageName) => Promise<T>) => {
    const name = parseImageName(image);
    const repository = `${registryUrl ?? `https://${name.host}`}/v2/${name.repository}`;
    const isOurs = registryUrl !== undefined || isGoogles(name.host);
    const call = (signal: AbortSignal) => {
      const ask: Ask = (path, method = 'GET') =>
        send(method, `${repository}/${path}`, isOurs ? auth : undefined, signal);
      return work(ask, name);
    };
    return boundedCall(NAME, callSeconds, call, explainNoAnswer);
  };
  return {
    findPinned: (image) =>
      asking(image, async (ask, name) => {
        const reply = await ask(`manifests/${name.reference}`, 'HEAD');
        if (reply.status === 404) return undefined;
        const digest = reply.headers.get('docker-content-digest');
        if (reply.ok && digest !== null && /^sha256:[0-9a-f]{64}$/.test(digest)) {
          return pinnedImage(name, digest);
        }
        const message = reply.ok ? `no digest for ${image}` : `HTTP ${reply.status} for ${image}`;
        throw googleError(NAME, { httpStatus: reply.ok ? 502 : reply.status, message });
      }),
    describe: (image) => asking(image, (ask, { reference }) => describe(ask, reference)),
  };
}

/** An index is one step more. */
async function describe(ask: Ask, reference: string): Promise<ImageFacts | undefined> {
  const first = readManifest(await jsonOf(await ask(`manifests/${reference}`)));
  const found =
    first && 'digest' in first
      ? readManifest(await jsonOf(await ask(`manifests/${first.digest}`)))
      : first;
  if (!found || 'digest' in found) return undefined;
  return factsOf(found, await jsonOf(await ask(`blobs/${found.config.digest}`)));
}

/** Undefined when it is not there. */
async function jsonOf(reply: Response): Promise<unknown> {
  if (reply.status === 404) return undefined;
  if (!reply.ok) {
    throw googleError(NAME, { httpStatus: reply.status, message: `HTTP ${reply.status}` });
  }
  try {
    return JSON.parse(await textOf(reply));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw googleError(NAME, { httpStatus: 502, message: 'an answer that is not understood' });
  }
}

async function textOf({ body }: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > MAX_BYTES) {
      throw googleError(NAME, { httpStatus: 502, message: `more than ${MAX_BYTES} bytes` });
    }
    text += decoder.decode(chunk, { stream: true });
  }
  return text;
}

/** The policy may allow images of other registries: none of them gets to see the backend's own credentials. */
function isGoogles(host: string): boolean {
  return host === 'gcr.io' || host.endsWith('.gcr.io') || host.endsWith('.pkg.dev');
}

/** Where a blob is kept elsewhere `fetch` follows there, and leaves the credentials out. */
async function send(
  method: 'GET' | 'HEAD',
  url: string,
  auth: Auth | undefined,
  signal: AbortSignal,
): Promise<Response> {
  const token = await (await auth?.())?.getAccessToken();
  return await fetch(url, {
    method,
    headers: {
      accept: MANIFEST_TYPES.join(', '),
      ...(token ? { authorization: `Bearer ${token}` } : {}),
    },
    signal,
  });
}
