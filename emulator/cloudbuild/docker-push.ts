// `docker push` of a build's docker: blobs, then the manifest, through the registry's own API, with the credentials
// in the home's .docker/config.json. https://github.com/opencontainers/distribution-spec/blob/main/spec.md#push
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { digestOf } from '../registry/state.ts';
import type { Blob, LocalImage, LocalImages } from './docker-images.ts';

export interface PushOptions {
  /** With its tag. */
  name: string;
  image: LocalImage;
  images: LocalImages;
  /** Where every registry host is reached. */
  registryUrl: string;
  home: string;
  say: (line: string) => void;
}

/** As the registry refused it. */
export class PushError extends Error {}

const MANIFEST_TYPE = 'application/vnd.docker.distribution.manifest.v2+json';
const CONFIG_TYPE = 'application/vnd.docker.container.image.v1+json';
const LAYER_TYPE = 'application/vnd.docker.image.rootfs.diff.tar.gzip';

const dockerConfig = z.object({ auths: z.record(z.string(), z.object({ auth: z.string() })) });
const refusal = z.object({ errors: z.array(z.object({ code: z.string(), message: z.string() })) });

/** The manifest's digest. @throws PushError */
export async function pushImage(options: PushOptions): Promise<{ digest: string; size: number }> {
  const { name, image, images, say } = options;
  const [, host = '', repository = '', tag = ''] = /^([^/]+)\/(.+):([^:/]+)$/.exec(name) ?? [];
  const registry = new Registry(options, host, repository);
  for (const layer of image.layers) {
    const isNew = await registry.pushBlob(layer, images);
    say(`${shortId(layer)}: ${isNew ? 'Pushed' : 'Layer already exists'}`);
  }
  await registry.pushBlob(image.config, images);
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

class Registry {
  readonly #options: PushOptions;
  readonly #host: string;
  readonly #repository: string;

  constructor(options: PushOptions, host: string, repository: string) {
    this.#options = options;
    this.#host = host;
    this.#repository = repository;
  }

  path(below: string): string {
    return `/v2/${this.#repository}/${below}`;
  }

  /** Whether it was not there before. */
  async pushBlob(blob: Blob, images: LocalImages): Promise<boolean> {
    const there = await this.#fetch('HEAD', this.path(`blobs/${blob.digest}`), {});
    if (there.ok) return false;
    const begun = await this.call('POST', this.path('blobs/uploads/'), {});
    const sent = await this.call(
      'PATCH',
      locationOf(begun),
      { 'content-type': 'application/octet-stream' },
      images.read(blob),
    );
    const end = new URL(locationOf(sent), 'http://registry');
    end.searchParams.set('digest', blob.digest);
    await this.call('PUT', `${end.pathname}${end.search}`, {});
    return true;
  }

  async call(
    method: string,
    place: string,
    headers: Record<string, string>,
    body?: Buffer,
  ): Promise<Response> {
    const reply = await this.#fetch(method, place, headers, body);
    if (reply.ok) return reply;
    throw new PushError(messageOf(reply.status, await reply.text()));
  }

  #fetch(
    method: string,
    place: string,
    headers: Record<string, string>,
    body?: Buffer,
  ): Promise<Response> {
    const { registryUrl, home } = this.#options;
    const auth = credentialOf(this.#host, home);
    const authorization = auth === undefined ? {} : { authorization: `Basic ${auth}` };
    return fetch(`${registryUrl}${place}`, {
      method,
      headers: { ...headers, ...authorization },
      ...(body === undefined ? {} : { body: new Uint8Array(body) }),
    });
  }
}

function credentialOf(host: string, home: string): string | undefined {
  const file = path.join(home, '.docker', 'config.json');
  const { auths } = dockerConfig.parse(JSON.parse(readFileSync(file, 'utf8')));
  return (auths[`https://${host}`] ?? auths[host])?.auth;
}

function locationOf(reply: Response): string {
  const location = reply.headers.get('location');
  if (location === null) throw new PushError('the registry did not say where to go on');
  return location;
}

function messageOf(status: number, body: string): string {
  const parsed = refusal.safeParse(parseJson(body));
  const [first] = parsed.data?.errors ?? [];
  return first
    ? `${first.code.toLowerCase()}: ${first.message}`
    : `unexpected HTTP status: ${status}`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function shortId({ digest }: Blob): string {
  return digest.slice('sha256:'.length, 'sha256:'.length + 12);
}
