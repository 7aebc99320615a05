// The agent's front door on the instance's port: asks every request for the session's token, passes what belongs to
// the gateway on to gateway.ts and channels.ts, and nothing else.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { Duplex } from 'node:stream';
import { IDEMPOTENCY_HEADER, POSITION_HEADER } from './channel/frames.ts';
import type { Channels } from './channels.ts';
import { refuseUpgrade } from './channels.ts';
import type { Creations } from './creations.ts';
import type { Gate } from './gate.ts';
import { GATE_SHUT } from './gate.ts';
import type { Gateway } from './gateway.ts';
import type { Route } from './headers.ts';
import { jsonAnswer, routeOf, withoutBodyHeaders } from './headers.ts';

/** A new tunnel costs a handshake with Google, so idle connections are kept. */
const KEEP_ALIVE_MILLISECONDS = 600_000;

const MAX_KEY_LENGTH = 256;
const MAX_CREATION_BYTES = 1_048_576;

export interface FrontDoorOptions {
  /** `undefined` until the agent is registered. */
  accessToken: () => string | undefined;
  gateway: Gateway;
  gate: Gate;
  channels: Channels;
  creations: Creations;
  /** The gateway has answered a request that may have changed its kernels. */
  onKernelsTouched: () => void;
  /** A kernel is about to be started anew. */
  onRestarting: (kernelId: string) => void;
  /** It was, or was not; where in its log that stands. */
  onRestarted: (kernelId: string, isDone: boolean) => number | undefined;
}

interface Refusal {
  status: number;
  message: string;
}

export function createFrontDoor(options: FrontDoorOptions): Server {
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MILLISECONDS, requestTimeout: 0 });
  server.on('request', (request, response) => {
    void handleRequest(options, request, response);
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    void handleUpgrade(options, request, socket, head);
  });
  return server;
}

async function handleRequest(
  options: FrontDoorOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const route = admit(options, request);
  if ('status' in route) refuse(response, route);
  else if (isReading(request)) await options.gateway.forward(request, response, route.path);
  else await handleChange(options, request, response, route);
}

/** A request that changes kernels waits at the gate, and the machine does not sleep before it is answered. */
async function handleChange(
  options: FrontDoorOptions,
  request: IncomingMessage,
  response: ServerResponse,
  route: Route,
): Promise<void> {
  if (route.isInterrupt && !options.gate.isOpen) {
    // Delivered later it would hit another cell.
    refuse(response, { status: 503, message: GATE_SHUT });
    return;
  }
  const leave = await options.gate.admitRequest(endOf(response));
  if (leave === undefined) {
    refuse(response, { status: 503, message: GATE_SHUT });
    return;
  }
  try {
    const restarts = request.method === 'POST' ? route.restartOf : undefined;
    const key = request.method === 'POST' ? keyOf(request) : undefined;
    let status: number | undefined;
    if (restarts !== undefined) {
      status = await restart(options, request, response, route.path, restarts);
    } else if (route.isCollection && key !== undefined) {
      status = await create(options, request, response, { key, path: route.path });
    } else status = await options.gateway.forward(request, response, route.path);
    const isDone = status !== undefined && status < 400;
    if (isDone) options.onKernelsTouched();
  } finally {
    leave();
  }
}

/** The answer says where in the kernel's log it stands: what its caller sends afterwards is sent in its knowledge. */
async function restart(
  options: FrontDoorOptions,
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  kernelId: string,
): Promise<number | undefined> {
  options.onRestarting(kernelId);
  const told: boolean[] = [];
  const tell = (isDone: boolean) => {
    told.push(isDone);
    const position = options.onRestarted(kernelId, isDone);
    return position === undefined ? [] : [POSITION_HEADER, String(position)];
  };
  const status = await options.gateway.forward(request, response, path, (code) => tell(code < 400));
  if (told.length === 0) tell(false);
  return status;
}

function keyOf({ headers }: IncomingMessage): string | undefined {
  const key = headers[IDEMPOTENCY_HEADER];
  return typeof key === 'string' && key !== '' && key.length <= MAX_KEY_LENGTH ? key : undefined;
}

/** Once, however often it is asked for, and whoever goes away meanwhile. */
async function create(
  { creations }: FrontDoorOptions,
  request: IncomingMessage,
  response: ServerResponse,
  what: { key: string; path: string },
): Promise<number | undefined> {
  try {
    const body = await readBody(request);
    const answer = await creations.create({ ...what, body });
    if (!response.destroyed) {
      const length = ['Content-Length', String(answer.body.length)];
      const headers = withoutBodyHeaders(answer.headers);
      response.writeHead(answer.status, [...headers, ...length]).end(answer.body);
    }
    return answer.status;
  } catch {
    refuse(response, {
      status: 503,
      message: 'The gateway does not answer. Try again in a moment.',
    });
    return undefined;
  }
}

/** @throws when it is too long for what makes a kernel, or breaks off */
async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += (chunk as Buffer).length;
    if (bytes > MAX_CREATION_BYTES) throw new Error('the body is too long');
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

function isReading({ method }: IncomingMessage): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
}

function endOf(response: ServerResponse): AbortSignal {
  const end = new AbortController();
  response.once('close', () => {
    end.abort();
  });
  return end.signal;
}

/** What is left of the request's body is not read, so the connection cannot be used again. */
function refuse(response: ServerResponse, { status, message }: Refusal): void {
  if (response.destroyed) return;
  const { headers, body } = jsonAnswer(status, message);
  response.writeHead(status, { ...headers, Connection: 'close' });
  response.end(body);
}

async function handleUpgrade(
  options: FrontDoorOptions,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  socket.on('error', () => undefined); // A caller that hangs up early; its close is what counts.
  const route = admit(options, request);
  if ('status' in route) {
    refuseUpgrade(socket, route.status, route.message);
    return;
  }
  const { path, channelOf: kernelId } = route;
  if (kernelId === undefined) refuseUpgrade(socket, 404, 'There is no WebSocket here.');
  else await options.channels.accept(request, socket, head, { kernelId, path });
}

function admit(options: FrontDoorOptions, request: IncomingMessage): Route | Refusal {
  const expected = options.accessToken();
  if (expected === undefined) {
    return { status: 503, message: 'The agent is not registered yet. Try again in a moment.' };
  }
  if (!isAuthorized(request.headers.authorization, expected)) {
    return { status: 401, message: "The session's access token is missing or wrong." };
  }
  return routeOf(request.url ?? '/') ?? { status: 404, message: 'The agent does not serve this.' };
}

/** In a time that does not depend on where the two differ. */
function isAuthorized(header: string | undefined, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(header ?? ''), digest(`Bearer ${expected}`));
}
