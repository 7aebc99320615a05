// The HTTP API with fixed sessions at a fixed time, for what the client prints: it answers what the contract allows, does
// what it is asked for at the next look, and gives tokens for `you@example.com`.
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import type { TestContext } from 'node:test';
import {
  image,
  logsResponse,
  session,
  type ImageView,
  type SessionState,
  type SessionView,
} from '../../functions/contract.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** When everything happens. */
export const NOW = Date.parse('2026-11-25T12:00:00Z');

export const OWN = 'you@example.com';

export interface World {
  sessions: SessionView[];
  image: ImageView;
  /** What the image is after a build has been asked for, look by look. */
  builds?: ImageView[];
  /** The log of the build; without it, it cannot be read. */
  buildLog?: readonly string[] | undefined;
}

export interface FixedApi {
  url: string;
  world: World;
  /** Of everything that was asked for, such as `POST /v1/sessions/s-1:stop`. */
  calls: string[];
  /** Of each of them, as it came. */
  bodies: string[];
  /** With which the client finds it and signs in. */
  env: Record<string, string>;
}

export function minutes(count: number): string {
  return new Date(NOW + count * 60_000).toISOString();
}

export function sessionNamed(name: string, changes: Partial<SessionView> = {}): SessionView {
  const id = `s-${name}`;
  return session.parse({
    id,
    name,
    resourceName: `sessions/${id}`,
    owner: { email: OWN },
    state: 'READY',
    waitingFor: '',
    want: 'running',
    revision: 7,
    etag: `"${id}-7"`,
    createTime: minutes(-3 * 1440),
    updateTime: minutes(-3),
    zone: 'europe-west1-b',
    machineType: 'e2-standard-4',
    diskSizeGb: 50,
    fallbackZones: [],
    spot: false,
    labels: {},
    idleTimeoutSeconds: 1800,
    idleAction: 'suspend',
    generation: 1,
    instance: { name: `datalab-${name}-1`, zone: 'europe-west1-b', status: 'RUNNING' },
    kernels: [],
    timeline: [],
    ...changes,
  });
}

export async function serveFixedApi(t: TestContext, world: World): Promise<FixedApi> {
  const calls: string[] = [];
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    response.sendDate = false;
    response.setHeader('date', new Date(NOW).toUTCString());
    response.setHeader('content-type', 'application/json');
    calls.push(`${request.method ?? ''} ${request.url ?? ''}`);
    const of = bodies.push('') - 1;
    request.on('data', (chunk: Buffer) => {
      bodies[of] = `${bodies[of] ?? ''}${chunk.toString()}`;
    });
    answer(request, response, world);
  }).listen(0, '127.0.0.1');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const credentials = path.join(temporaryFolder(t), 'credentials.json');
  writeFileSync(
    credentials,
    JSON.stringify({
      type: 'authorized_user',
      client_id: 'client',
      client_secret: 'not-a-secret',
      refresh_token: 'refresh',
      token_uri: `${url}/token`,
    }),
  );
  const env = {
    DATALAB_API_URL: url,
    DATALAB_COMPUTE_URL: url,
    GOOGLE_APPLICATION_CREDENTIALS: credentials,
  };
  return { url, world, calls, bodies, env };
}

function answer(request: IncomingMessage, response: ServerResponse, world: World): void {
  const [status, body] = replyTo(request, world);
  response.writeHead(status).end(JSON.stringify(body));
}

function replyTo({ method = '', url = '' }: IncomingMessage, world: World): [number, unknown] {
  const { pathname, searchParams } = new URL(url, 'http://x');
  if (pathname === '/token') return [200, token()];
  if (pathname === '/health') return [200, { status: 'ok' }];
  if (pathname.startsWith('/compute/')) return [200, { name: pathname.split('/').at(-1) }];
  if (pathname === '/v1/image') return [200, image.parse(currentImage(world))];
  if (pathname === '/v1/image:build') return buildImage(world);
  if (pathname === '/v1/image:extend') return [200, currentImage(world)];
  if (pathname === '/v1/image:logs') return buildLog(world, searchParams.get('after'));
  if (pathname === '/v1/sessions') return [200, { sessions: world.sessions }];
  const [, id = '', verb] = /^\/v1\/sessions\/([^:]+)(?::(.*))?$/.exec(pathname) ?? [];
  const found = world.sessions.find((candidate) => candidate.id === id);
  if (!found) return refused(404, 'NOT_FOUND', `There is no session ${id}.`);
  if (method === 'DELETE') return [200, change(world, found, 'DELETING', 'deleted')];
  switch (verb) {
    case undefined:
      return searchParams.has('afterRevision') ? settled(world, found) : [200, found];
    case 'suspend':
      if (found.state === 'STOPPED') return refused(400, 'FAILED_PRECONDITION', ONLY_UP);
      return [200, change(world, found, 'SUSPENDING', 'suspended')];
    case 'stop':
      return [200, change(world, found, 'STOPPING', 'stopped')];
    case 'extend':
      return [200, found];
    case 'logs':
      return [200, { lines: [{ time: minutes(-1), text: 'Jupyter is ready' }], next: 'end' }];
    default:
      return refused(404, 'NOT_FOUND', `There is no ${url}.`);
  }
}

const ONLY_UP = 'Session old is STOPPED: only a session that is up can be suspended.';

function token(): object {
  const claims = { email: OWN, sub: '1', aud: 'client', exp: 4_000_000_000 };
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const idToken = `${encode({ alg: 'none' })}.${encode(claims)}.c2lnbmF0dXJl`;
  return { access_token: 'access', id_token: idToken, expires_in: 3600, token_type: 'Bearer' };
}

function refused(status: number, code: string, message: string): [number, unknown] {
  return [status, { error: { code: status, status: code, message } }];
}

function change(
  world: World,
  found: SessionView,
  state: SessionState,
  want: SessionView['want'],
): SessionView {
  if (NEXT[state] === found.state) return found;
  const doing = { running: 'start', suspended: 'suspend', stopped: 'stop', deleted: 'delete' };
  const waitingFor = `Compute Engine to ${doing[want]} the instance`;
  return replace(world, found, { state, want, waitingFor });
}

/** What is under way is done. */
const NEXT: Partial<Record<SessionState, SessionState>> = {
  SUSPENDING: 'SUSPENDED',
  STOPPING: 'STOPPED',
};

function settled(world: World, found: SessionView): [number, unknown] {
  const state = NEXT[found.state];
  if (state) return [200, replace(world, found, { state, waitingFor: '' })];
  world.sessions = world.sessions.filter((other) => other !== found);
  return refused(404, 'NOT_FOUND', `There is no session ${found.id}.`);
}

function replace(world: World, found: SessionView, changes: Partial<SessionView>): SessionView {
  const next = session.parse({ ...found, ...changes, revision: found.revision + 1 });
  world.sessions = world.sessions.map((other) => (other === found ? next : other));
  return next;
}

function buildImage(world: World): [number, unknown] {
  if (!world.builds) return refused(409, 'ALREADY_EXISTS', `Image ${world.image.name} is there.`);
  return [200, currentImage(world)];
}

function currentImage(world: World): ImageView {
  world.image = world.builds?.shift() ?? world.image;
  return image.parse(world.image);
}

/** Half of it at first. */
function buildLog({ buildLog: lines }: World, after: string | null): [number, unknown] {
  if (!lines) return refused(403, 'PERMISSION_DENIED', 'You may not read logs.');
  const half = Math.ceil(lines.length / 2);
  const part = after === null ? lines.slice(0, half) : after === 'half' ? lines.slice(half) : [];
  const page = {
    lines: part.map((text) => ({ time: minutes(-1), text })),
    next: after === null ? 'half' : 'end',
  };
  return [200, logsResponse.parse(page)];
}
