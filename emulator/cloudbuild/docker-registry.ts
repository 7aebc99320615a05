// What a build's docker says to a registry, with the credentials in the home's .docker/config.json. docker-push.ts and
// docker-pull.ts speak through it. https://github.com/opencontainers/distribution-spec/blob/main/spec.md
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';

export interface RegistryAccess {
  /** Where every registry host is reached. */
  registryUrl: string;
  home: string;
}

/** As the registry refused it. */
export class RegistryError extends Error {
  /** HTTP status. */
  readonly status: number | undefined;

  constructor(message: string, status?: number) {
    super(message);
    this.status = status;
  }
}

const dockerConfig = z.object({ auths: z.record(z.string(), z.object({ auth: z.string() })) });
const refusal = z.object({ errors: z.array(z.object({ code: z.string(), message: z.string() })) });

export class Registry {
  readonly #access: RegistryAccess;
  readonly #host: string;
  readonly #repository: string;

  constructor(access: RegistryAccess, host: string, repository: string) {
    this.#access = access;
    this.#host = host;
    this.#repository = repository;
  }

  path(below: string): string {
    return `/v2/${this.#repository}/${below}`;
  }

  /** @throws RegistryError */
  async call(
    method: string,
    place: string,
    headers: Record<string, string>,
    body?: Buffer,
  ): Promise<Response> {
    const reply = await this.fetch(method, place, headers, body);
    if (reply.ok) return reply;
    throw new RegistryError(messageOf(reply.status, await reply.text()), reply.status);
  }

  fetch(
    method: string,
    place: string,
    headers: Record<string, string>,
    body?: Buffer,
  ): Promise<Response> {
    const { registryUrl, home } = this.#access;
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
