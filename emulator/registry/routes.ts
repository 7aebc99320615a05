// The emulated gcr.io: who may read and write, and the pull half of the OCI distribution API; push-routes.ts is the
// other half. https://github.com/opencontainers/distribution-spec/blob/main/spec.md
import type { AccessGrant, Tokens } from '../oidc/tokens.ts';
import { FileBody, json, type Call, type Params, type Reply, type Route } from '../router.ts';
import { content, refuse, unknownManifest, unknownName } from './answers.ts';
import { pushRoutes } from './push-routes.ts';
import type { RegistryState } from './state.ts';
import type { Uploads } from './uploads.ts';

type Answer = (call: Call, params: Params) => Reply | Promise<Reply>;

export interface RegistryRoutesOptions {
  project: string;
  state: RegistryState;
  uploads: Uploads;
  tokens: Tokens;
  /** Where this registry is reached, for the challenge of a 401. */
  url: () => string;
}

export function createRegistryRoutes(options: RegistryRoutesOptions): Route[] {
  const { project, state, uploads, tokens, url } = options;
  const signedIn = (answer: Answer, mayCall?: (grant: AccessGrant, name: string) => boolean) => {
    return (call: Call, params: Params): Reply | Promise<Reply> => {
      const { name } = params;
      const grant = tokens.readAccessToken(credential(call));
      if (!grant) return challenge(url(), name, mayCall ? 'pull,push' : 'pull');
      if (mayCall && !mayCall(grant, name ?? '')) return denied(name ?? '');
      return answer(call, params);
    };
  };
  const read = (path: string, answer: Answer): Route[] =>
    ['GET', 'HEAD'].map((method) => ({ method, path, handle: signedIn(answer) }));
  // Kernels have their instance's token: the account that they run as reads only.
  const mayPush = ({ email }: AccessGrant, name: string) =>
    name.startsWith(`${project}/`) && !email.startsWith('datalab-kernels@');
  return [
    { method: 'GET', path: '/v2/token', handle: (call) => exchange(call, tokens) },
    ...pushRoutes(state, uploads).map(({ method, path, answer }) => ({
      method,
      path,
      handle: signedIn(answer, mayPush),
    })),
    ...read('/v2/', () => json({})),
    ...read('/v2/*name/manifests/:reference', (call, params) => manifest(call, params, state)),
    ...read('/v2/*name/blobs/:digest', (_, params) => blob(params, state)),
    ...read('/v2/*name/tags/list', (_, params) => tags(params, state)),
  ];
}

function manifest(call: Call, { name = '', reference = '' }: Params, state: RegistryState): Reply {
  if (!state.hasRepository(name)) return unknownName(name);
  const found = state.readManifest(name, reference);
  if (!found) return unknownManifest(name, reference);
  const accept = call.headers.accept ?? '*/*';
  if (!accept.includes('*/*') && !accept.includes(found.mediaType)) {
    const message = `Manifest has media type "${found.mediaType}" but client accepts "${accept}".`;
    return refuse(404, 'MANIFEST_UNKNOWN', message);
  }
  return content(found.content, found.mediaType, found.digest);
}

/** Also before the first manifest: docker looks whether a layer has arrived. All repositories share their blobs. */
function blob({ digest = '' }: Params, state: RegistryState): Reply {
  const found = state.findBlob(digest);
  if (!found) return refuse(404, 'BLOB_UNKNOWN', `Blob "${digest}" was not found.`);
  return content(new FileBody(found.file, found.size), 'application/octet-stream', digest);
}

function tags({ name = '' }: Params, state: RegistryState): Reply {
  return state.hasRepository(name) ? json({ name, tags: state.listTags(name) }) : unknownName(name);
}

/** Docker's way in: Basic credentials become a bearer token. Ours are the same. */
function exchange(call: Call, tokens: Tokens): Reply {
  const token = credential(call);
  if (!tokens.readAccessToken(token)) return refuse(401, 'UNAUTHORIZED', 'Not Authorized.');
  return json({ token, access_token: token, expires_in: 3600 });
}

/** `Bearer TOKEN`, or `Basic` with the user `oauth2accesstoken`, as docker-credential-gcr sends it. */
function credential({ headers }: Call): string {
  const [scheme = '', value = ''] = (headers.authorization ?? '').split(' ');
  if (scheme.toLowerCase() === 'bearer') return value;
  if (scheme.toLowerCase() !== 'basic') return '';
  const [user, token = ''] = Buffer.from(value, 'base64').toString().split(':');
  return user === 'oauth2accesstoken' ? token : '';
}

function challenge(url: string, name: string | undefined, actions: string): Reply {
  const scope = name === undefined ? '' : `,scope="repository:${name}:${actions}"`;
  const reply = refuse(
    401,
    'UNAUTHORIZED',
    "You don't have the needed permissions to perform this operation, and you may have invalid credentials. To authenticate your request, follow the steps in: https://cloud.google.com/container-registry/docs/advanced-authentication",
  );
  const authenticate = `Bearer realm="${url}/v2/token",service="gcr.io"${scope}`;
  return { ...reply, headers: { ...reply.headers, 'www-authenticate': authenticate } };
}

function denied(name: string): Reply {
  return refuse(
    403,
    'DENIED',
    `Permission "artifactregistry.repositories.uploadArtifacts" denied on resource "${name}" (or it may not exist)`,
  );
}
