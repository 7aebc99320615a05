// Google, as far as the api function calls it, on one loopback port: tokens, certificates, manifests, and the compute
// world of world.ts over REST. Strict about credentials; the real stand-in, with Google's validation, is emulator/.
import { generateKeyPairSync, sign } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { AppError } from '../../functions/errors.ts';
import type { SeenInstance } from '../../functions/observe.ts';
import { answerBuilds, type BuildBody } from './fake-builds.ts';
import { PowerSwitch } from './power-switch.ts';
import { TestBuilds } from './test-builds.ts';
import { TestCompute } from './test-compute.ts';

export const PROJECT = 'p';
export const API_AUDIENCE = 'https://api.example';
export const GCLOUD_AUDIENCE = '32555940559.apps.googleusercontent.com';
const ACCESS_TOKEN = 'ya29.of-the-backend';

const insertBody = z.object({
  name: z.string(),
  labels: z.record(z.string(), z.string()),
  machineType: z.string(),
  disks: z.array(z.looseObject({ boot: z.literal(true), autoDelete: z.literal(true) })).length(1),
  networkInterfaces: z.array(z.object({ network: z.string() }).strict()).length(1),
  metadata: z.object({ items: z.array(z.object({ key: z.string(), value: z.string() })) }),
  tags: z.object({ items: z.tuple([z.literal('datalab')]) }),
  serviceAccounts: z.array(z.object({ email: z.string(), scopes: z.array(z.string()) })).length(1),
});

const policyBody = z.object({
  policy: z.object({
    version: z.literal(3),
    etag: z.string(),
    bindings: z.array(z.looseObject({ role: z.string(), members: z.array(z.string()) })),
  }),
});

const ZONES = ['europe-west1-b', 'europe-west1-c'];
const MACHINE_TYPES = ['e2-standard-4', 'e2-standard-8', 'n2-standard-8'];

function machineType(zone = '', name = ''): object {
  if (ZONES.includes(zone) && MACHINE_TYPES.includes(name)) return { name };
  throw new HttpError(404, 'notFound');
}

class HttpError extends Error {
  readonly status: number;
  readonly reason: string;

  constructor(status: number, reason: string) {
    super(reason);
    this.status = status;
    this.reason = reason;
  }
}

export class FakeGoogle {
  readonly compute = new TestCompute({ now: () => Date.now() }, new PowerSwitch(), 0.05);
  readonly builds = new TestBuilds({ now: () => Date.now() }, new PowerSwitch(), 1);
  /** What the backend has asked of Google, such as `POST /v1/projects/p/builds`; without what it signs in with. */
  readonly calls: string[] = [];
  /** What Cloud Build was asked for. */
  readonly buildRequests: BuildBody[] = [];
  readonly inserted: z.infer<typeof insertBody>[] = [];
  /** IAM policies of instances for tunnels, by resource. */
  readonly policies = new Map<string, z.infer<typeof policyBody>['policy']>();
  /** Every call that needs an access token is answered with 503. */
  isDown = false;
  readonly #keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      void this.#answer(request).then(
        ({ body, headers = {} }) => {
          response.writeHead(200, { 'content-type': 'application/json', ...headers });
          response.end(body === undefined ? undefined : JSON.stringify(body));
        },
        (error: unknown) => {
          const { status, reason } = asHttpError(error);
          response.writeHead(status, { 'content-type': 'application/json' });
          const message = `refused: ${reason}`;
          response.end(JSON.stringify({ error: { code: status, message, errors: [{ reason }] } }));
        },
      );
    });
  }

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /** An ID token as Google signs it. */
  idToken(claims: Readonly<Record<string, unknown>>, key = this.#keys.privateKey): string {
    const now = Math.floor(Date.now() / 1000);
    const payload = { iss: 'https://accounts.google.com', iat: now, exp: now + 3600, ...claims };
    const signed = `${encode({ alg: 'RS256', kid: 'k1' })}.${encode(payload)}`;
    return `${signed}.${sign('RSA-SHA256', Buffer.from(signed), key).toString('base64url')}`;
  }

  userToken(email = 'you@example.com', claims: Readonly<Record<string, unknown>> = {}): string {
    const sub = `sub-of-${email}`;
    return this.idToken({ aud: GCLOUD_AUDIENCE, sub, email, email_verified: true, ...claims });
  }

  instanceToken(overrides: Readonly<Record<string, string>> = {}): string {
    const [instance] = this.compute.instances.values();
    const compute_engine = {
      project_id: PROJECT,
      zone: instance?.zone,
      instance_id: instance?.id,
      instance_name: instance?.name,
      ...overrides,
    };
    const claims = { aud: API_AUDIENCE, sub: '9', email: 'k@p', google: { compute_engine } };
    return this.idToken(claims);
  }

  async #answer(
    request: IncomingMessage,
  ): Promise<{ body?: unknown; headers?: Record<string, string> }> {
    const url = new URL(request.url ?? '', 'http://x');
    if (url.pathname.startsWith('/computeMetadata/')) return metadata(url.pathname);
    if (url.pathname === '/certs') {
      return { body: { k1: this.#keys.publicKey.export({ type: 'spki', format: 'pem' }) } };
    }
    if (request.headers.authorization !== `Bearer ${ACCESS_TOKEN}`) {
      throw new HttpError(401, 'authError');
    }
    if (this.isDown) throw new HttpError(503, 'backendError');
    this.calls.push(`${request.method ?? ''} ${url.pathname}`);
    if (/:[gs]etIamPolicy$/.test(url.pathname)) return { body: await this.#policy(request, url) };
    const builds = await answerBuilds(request, url, this.builds, this.buildRequests);
    if (builds) return { body: builds };
    if (url.pathname.startsWith('/v2/')) return await this.#registry(request, url.pathname);
    return { body: await this.#computeCall(request, url) };
  }

  /** Of every image the same layer of 1000 bytes. */
  async #registry({ method, headers }: IncomingMessage, path: string) {
    const [, repository = '', kind, reference] =
      /^\/v2\/(p\/[\w-]+)\/(manifests|blobs)\/(latest|sha256:[0-9a-f]{64})$/.exec(path) ?? [];
    const pinned = await this.builds.findPinned(`gcr.io/${repository}`);
    if (pinned === undefined) throw new HttpError(404, 'notFound');
    const digest = pinned.split('@')[1] ?? '';
    if (kind === 'blobs') {
      return { body: { created: '2026-01-01T00:00:00Z', config: { Labels: null } } };
    }
    if (!(headers.accept ?? '').includes('oci.image.index')) throw new HttpError(400, 'invalid');
    if (method === 'HEAD') return { headers: { 'docker-content-digest': digest } };
    if (reference !== digest) throw new HttpError(404, 'notFound');
    return { body: { config: { digest, size: 100 }, layers: [{ digest, size: 1000 }] } };
  }

  async #computeCall(request: IncomingMessage, url: URL): Promise<unknown> {
    const path = url.pathname.replace(/^\/compute\/v1\/projects\/p\//, '');
    const requestId = url.searchParams.get('requestId') ?? '';
    const filter = /"(.+)"/.exec(url.searchParams.get('filter') ?? '')?.[1] ?? '';
    if (path === 'aggregated/instances') {
      const found = await this.compute.findInstances(filter || undefined);
      return { items: { 'zones/z': { instances: found.map(resource) } } };
    }
    const [, zone, kind, name = '', verb] = path.split('/');
    if (kind === undefined) return this.#zone(zone);
    if (kind === 'machineTypes') return machineType(zone, name);
    if (kind === 'operations') return await this.#operations(zone ?? '', filter);
    if (verb === 'serialPort') return await this.#serialPort(zone ?? '', name, url);
    if (request.method === 'GET') {
      const instance = await this.compute.getInstance(zone ?? '', name);
      if (!instance) throw new HttpError(404, 'notFound');
      return resource(instance);
    }
    if (request.method === 'POST' && name === '')
      await this.#insert(request, zone ?? '', requestId);
    else await this.#change(request.method, verb, { zone: zone ?? '', name }, requestId);
    return { kind: 'compute#operation', name: 'operation-1', status: 'RUNNING' };
  }

  async #serialPort(zone: string, name: string, { searchParams }: URL): Promise<object> {
    const found = await this.compute.readSerialPort(zone, name, Number(searchParams.get('start')));
    if (!found) throw new HttpError(400, 'resourceNotReady');
    const { contents, start, next } = found;
    return { contents, start: String(start), next: String(next) };
  }

  #zone(name = ''): object {
    if (!ZONES.includes(name)) throw new HttpError(404, 'notFound');
    return { name };
  }

  async #policy(request: IncomingMessage, { pathname }: URL): Promise<object> {
    const resource = pathname.replace(/:.*/, '');
    const empty = { version: 3, etag: 'e0', bindings: [] };
    if (pathname.endsWith(':getIamPolicy')) return this.policies.get(resource) ?? empty;
    const { policy } = policyBody.parse(JSON.parse(await text(request)));
    this.policies.set(resource, policy);
    return policy;
  }

  async #operations(zone: string, requestId: string): Promise<unknown> {
    const found = await this.compute.findOperation(zone, requestId);
    if (!found) return { items: [] };
    return { items: [{ ...found, status: found.status === 'done' ? 'DONE' : 'RUNNING' }] };
  }

  async #insert(request: IncomingMessage, zone: string, requestId: string): Promise<void> {
    const body = insertBody.parse(JSON.parse(await text(request)));
    this.inserted.push(body);
    const { name, labels, machineType } = body;
    const rest = {
      spot: false,
      maxRunSeconds: undefined,
      diskSizeGb: 10,
      metadata: {},
      network: '',
      subnetwork: undefined,
    };
    const spec = { name, labels, machineType, zone, serviceAccount: '', bootImage: '', ...rest };
    await this.compute.insertInstance(spec, requestId);
  }

  #change(
    method: string | undefined,
    verb: string | undefined,
    target: { zone: string; name: string },
    requestId: string,
  ) {
    if (method === 'DELETE') return this.compute.deleteInstance(target, requestId);
    if (verb === 'stop') return this.compute.stopInstance(target, requestId);
    if (verb === 'start') return this.compute.startInstance(target, requestId);
    if (verb === 'suspend') return this.compute.suspendInstance(target, requestId);
    if (verb === 'resume') return this.compute.resumeInstance(target, requestId);
    throw new HttpError(404, 'notFound');
  }
}

function metadata(path: string) {
  const headers = { 'metadata-flavor': 'Google' };
  if (!path.endsWith('/token')) return { headers, body: {} };
  return { headers, body: { access_token: ACCESS_TOKEN, expires_in: 3600, token_type: 'Bearer' } };
}

function resource({ internalIp, startedAt, ...rest }: SeenInstance) {
  return { ...rest, lastStartTimestamp: startedAt, networkInterfaces: [{ networkIP: internalIp }] };
}

function asHttpError(error: unknown): HttpError {
  if (error instanceof HttpError) return error;
  if (!(error instanceof AppError)) return new HttpError(500, String(error));
  if (error.code === 'NOT_FOUND') return new HttpError(404, 'notFound');
  if (error.code === 'ALREADY_EXISTS') return new HttpError(409, 'alreadyExists');
  if (error.code === 'RESOURCE_EXHAUSTED') return new HttpError(403, 'quotaExceeded');
  return new HttpError(503, 'backendError');
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
