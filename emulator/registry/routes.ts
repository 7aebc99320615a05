// The emulated gcr.io: the pull half of the OCI distribution API, with its own form of errors.
// https://github.com/opencontainers/distribution-spec/blob/main/spec.md
import { json, type Call, type Params, type Reply, type Route } from '../router.ts';
import type { Tokens } from '../oidc/tokens.ts';
import type { RegistryState } from './state.ts';

type Answer = (call: Call, params: Params) => Reply;

/** `url` is where this registry is reached, for the challenge of a 401. */
export function createRegistryRoutes(
  state: RegistryState,
  tokens: Tokens,
  url: () => string,
): Route[] {
  const signedIn =
    (answer: Answer): Answer =>
    (call, params) =>
      tokens.readAccessToken(credential(call)) ? answer(call, params) : challenge(url(), params);
  const read = (path: string, answer: Answer): Route[] =>
    ['GET', 'HEAD'].map((method) => ({ method, path, handle: signedIn(answer) }));
  return [
    { method: 'GET', path: '/v2/token', handle: (call) => exchange(call, tokens) },
    ...read('/v2/', () => json({})),
    ...read('/v2/*name/manifests/:reference', (call, params) => manifest(call, params, state)),
    ...read('/v2/*name/blobs/:digest', (_, params) => blob(params, state)),
    ...read('/v2/*name/tags/list', (_, params) => tags(params, state)),
  ];
}

function manifest(call: Call, { name = '', reference = '' }: Params, state: RegistryState): Reply {
  if (!state.hasRepository(name)) return unknownName(name);
  const found = state.readManifest(name, reference);
  if (!found) {
    return refuse(
      404,
      'MANIFEST_UNKNOWN',
      `Failed to fetch "${reference}" from request "${call.path}".`,
    );
  }
  const accept = call.headers.accept ?? '*/*';
  if (!accept.includes('*/*') && !accept.includes(found.mediaType)) {
    const message = `Manifest has media type "${found.mediaType}" but client accepts "${accept}".`;
    return refuse(404, 'MANIFEST_UNKNOWN', message);
  }
  return content(found.content, found.mediaType, found.digest);
}

function blob({ name = '', digest = '' }: Params, state: RegistryState): Reply {
  if (!state.hasRepository(name)) return unknownName(name);
  const found = state.readBlob(digest);
  if (!found) return refuse(404, 'BLOB_UNKNOWN', `Blob "${digest}" was not found.`);
  return content(found, 'application/octet-stream', digest);
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

function challenge(url: string, { name }: Params): Reply {
  const scope = name === undefined ? '' : `,scope="repository:${name}:pull"`;
  const reply = refuse(
    401,
    'UNAUTHORIZED',
    "You don't have the needed permissions to perform this operation, and you may have invalid credentials. To authenticate your request, follow the steps in: https://cloud.google.com/container-registry/docs/advanced-authentication",
  );
  const authenticate = `Bearer realm="${url}/v2/token",service="gcr.io"${scope}`;
  return { ...reply, headers: { ...reply.headers, 'www-authenticate': authenticate } };
}

function content(body: Buffer, mediaType: string, digest: string): Reply {
  const headers = {
    'content-type': mediaType,
    'docker-content-digest': digest,
    'docker-distribution-api-version': 'registry/2.0',
  };
  return { status: 200, headers, body };
}

function unknownName(name: string): Reply {
  return refuse(404, 'NAME_UNKNOWN', `Repository "${name}" not found.`);
}

function refuse(status: number, code: string, message: string): Reply {
  const headers = { 'docker-distribution-api-version': 'registry/2.0' };
  return { ...json({ errors: [{ code, message }] }, status), headers };
}
