// The push half of the OCI distribution API: uploads of blobs, manifests, and their deletion.
// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#push
import { z } from 'zod';
import type { Call, Params, Reply } from '../router.ts';
import { accepted, refuse, unknownManifest, unknownName } from './answers.ts';
import { digestOf, digestOfFile, isDigest, type RegistryState } from './state.ts';
import type { Uploads } from './uploads.ts';

type Answer = (call: Call, params: Params) => Reply | Promise<Reply>;

export interface PushRoute {
  method: string;
  path: string;
  answer: Answer;
}

/** Layers are large: their bytes are taken as they come. */
export function isUpload(method: string, path: string): boolean {
  return /^(POST|PATCH|PUT)$/.test(method) && /^\/v2\/.+\/blobs\/uploads\//.test(path);
}

const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const NAME = /^[a-z0-9]+([._-]+[a-z0-9]+)*(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*$/;
const IMAGE_TYPES = [
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
];
const INDEX_TYPES = [
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.index.v1+json',
];

const descriptor = z.object({ digest: z.string(), size: z.int() });
const manifestBody = z.object({
  schemaVersion: z.literal(2),
  mediaType: z.string().optional(),
  config: descriptor.optional(),
  layers: z.array(descriptor).optional(),
  manifests: z.array(descriptor).optional(),
});

export function pushRoutes(state: RegistryState, uploads: Uploads): PushRoute[] {
  const base = '/v2/*name/blobs/uploads/';
  const one = `${base}:id`;
  const found = (
    answer: (call: Call, params: Params, size: number) => Reply | Promise<Reply>,
  ): Answer => {
    return (call, params) => {
      const size = uploads.sizeOf(params['id'] ?? '');
      if (size === undefined) return refuse(404, 'BLOB_UPLOAD_UNKNOWN', 'Upload not found.');
      return answer(call, params, size);
    };
  };
  return [
    { method: 'POST', path: base, answer: (call, params) => start(call, params, state, uploads) },
    {
      method: 'GET',
      path: one,
      answer: found((_, params, size) => progress(204, params, size)),
    },
    {
      method: 'PATCH',
      path: one,
      answer: found((call, params, size) => append(call, params, size, uploads)),
    },
    {
      method: 'PUT',
      path: one,
      answer: found((call, params) => finish(call, params, state, uploads)),
    },
    {
      method: 'DELETE',
      path: one,
      answer: found((_, { id = '' }) => {
        uploads.end(id);
        return accepted(204, {});
      }),
    },
    {
      method: 'PUT',
      path: '/v2/*name/manifests/:reference',
      answer: (call, params) => put(call, params, state),
    },
    {
      method: 'DELETE',
      path: '/v2/*name/manifests/:reference',
      answer: (_, params) => remove(params, state),
    },
  ];
}

/** Begins an upload; with `mount` or `digest` it may be done at once. */
async function start(
  call: Call,
  { name = '' }: Params,
  state: RegistryState,
  uploads: Uploads,
): Promise<Reply> {
  if (!NAME.test(name)) return refuse(400, 'NAME_INVALID', `Invalid repository name "${name}".`);
  const mounted = call.query.get('mount');
  if (mounted !== null && state.findBlob(mounted)) return created(name, 'blobs', mounted);
  const id = uploads.start();
  if (call.query.get('digest') !== null) return await finish(call, { name, id }, state, uploads);
  return progress(202, { name, id }, 0);
}

async function append(call: Call, params: Params, size: number, uploads: Uploads): Promise<Reply> {
  const { id = '' } = params;
  const range = /^(\d+)-(\d+)$/.exec(call.headers['content-range'] ?? '');
  if (range && Number(range[1]) !== size) {
    return refuse(416, 'BLOB_UPLOAD_INVALID', `The next byte to send is ${size}.`);
  }
  await take(call, id, uploads);
  return progress(202, params, uploads.sizeOf(id) ?? 0);
}

async function finish(
  call: Call,
  { name = '', id = '' }: Params,
  state: RegistryState,
  uploads: Uploads,
): Promise<Reply> {
  await take(call, id, uploads);
  const digest = call.query.get('digest') ?? '';
  const actual = await digestOfFile(uploads.fileOf(id));
  if (actual !== digest) {
    uploads.end(id);
    const message = `Digest "${digest}" does not match the content, which has ${actual}.`;
    return refuse(400, 'DIGEST_INVALID', message);
  }
  state.adoptBlob(uploads.fileOf(id), digest);
  return created(name, 'blobs', digest);
}

async function take({ stream }: Call, id: string, uploads: Uploads): Promise<void> {
  if (stream) await uploads.append(id, stream);
}

function put(call: Call, { name = '', reference = '' }: Params, state: RegistryState): Reply {
  if (!NAME.test(name)) return refuse(400, 'NAME_INVALID', `Invalid repository name "${name}".`);
  if (!isDigest(reference) && !TAG.test(reference)) {
    return refuse(400, 'TAG_INVALID', `Invalid tag "${reference}".`);
  }
  const digest = digestOf(call.body);
  if (isDigest(reference) && reference !== digest) {
    return refuse(400, 'DIGEST_INVALID', `The manifest has digest ${digest}.`);
  }
  const mediaType = call.headers['content-type'] ?? '';
  const problem = problemOf(call.body, mediaType, name, state);
  if (problem) return problem;
  state.putManifest(name, reference, call.body, mediaType);
  return created(name, 'manifests', digest);
}

/** Undefined for a manifest of that type whose parts are all here. */
function problemOf(
  body: Buffer,
  mediaType: string,
  name: string,
  state: RegistryState,
): Reply | undefined {
  const isIndex = INDEX_TYPES.includes(mediaType);
  if (!isIndex && !IMAGE_TYPES.includes(mediaType)) {
    return refuse(400, 'MANIFEST_INVALID', `Unsupported media type "${mediaType}".`);
  }
  const parsed = manifestBody.safeParse(parseJson(body));
  const { mediaType: stated = mediaType, config, layers, manifests } = parsed.data ?? {};
  const isComplete = isIndex ? manifests : config && layers;
  if (!isComplete || stated !== mediaType) {
    return refuse(400, 'MANIFEST_INVALID', `This is no manifest of type "${mediaType}".`);
  }
  const lost = [...(config ? [config] : []), ...(layers ?? [])].find(
    ({ digest, size }) => state.findBlob(digest)?.size !== size,
  );
  if (lost) return refuse(400, 'MANIFEST_BLOB_UNKNOWN', `Blob "${lost.digest}" was not pushed.`);
  const gone = manifests?.find(({ digest }) => !state.readManifest(name, digest));
  if (gone) return refuse(400, 'MANIFEST_UNKNOWN', `Manifest "${gone.digest}" was not pushed.`);
  return undefined;
}

/** A tag is just taken off; a manifest goes only when nothing names it any more, as at gcr.io. */
function remove({ name = '', reference = '' }: Params, state: RegistryState): Reply {
  if (!state.hasRepository(name)) return unknownName(name);
  if (!state.readManifest(name, reference)) return unknownManifest(name, reference);
  if (!isDigest(reference)) {
    state.deleteTag(name, reference);
    return accepted(202, {});
  }
  const tags = state.tagsOf(name, reference);
  if (tags.length > 0) {
    const message = `Manifest is still referenced by tag: ${tags.join(', ')}`;
    return refuse(400, 'GOOGLE_MANIFEST_DANGLING_TAG', message);
  }
  state.deleteManifest(name, reference);
  return accepted(202, {});
}

function created(name: string, kind: 'blobs' | 'manifests', digest: string): Reply {
  const location = `/v2/${name}/${kind}/${digest}`;
  return accepted(201, { location, 'docker-content-digest': digest });
}

function progress(status: number, { name = '', id = '' }: Params, size: number): Reply {
  return accepted(status, {
    location: `/v2/${name}/blobs/uploads/${id}`,
    'docker-upload-uuid': id,
    range: `0-${Math.max(0, size - 1)}`,
  });
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}
