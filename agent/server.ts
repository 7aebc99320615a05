// The agent's front door on the instance's port: asks every request for the session's token, passes what belongs to
// the gateway on to gateway.ts, changes.ts and channels.ts, and nothing else.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ChangeOptions, Refusal } from './changes.ts';
import { passChange, refuse } from './changes.ts';
import type { Channels } from './channels.ts';
import { refuseUpgrade } from './channels.ts';
import type { Route } from './headers.ts';
import { routeOf } from './headers.ts';

/** A new tunnel costs a handshake with Google, so idle connections are kept. */
const KEEP_ALIVE_MILLISECONDS = 600_000;

export interface FrontDoorOptions extends ChangeOptions {
  /** `undefined` until the agent is registered. */
  accessToken: () => string | undefined;
  channels: Channels;
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
  else await passChange(options, request, response, route);
}

function isReading({ method }: IncomingMessage): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
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
