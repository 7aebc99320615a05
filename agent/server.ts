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
  /** A request bore the token. */
  onAsked: () => void;
  /** What a report would say, where nobody gets reports: for the client to ask. */
  activity: (() => object) | undefined;
}

/** Beside the gateway's own paths, and none that a relay passes on. */
const ACTIVITY_PATH = '/datalab/activity';

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
  else if ('activity' in route) answerJson(response, route.activity);
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
  if ('activity' in route) {
    refuseUpgrade(socket, 404, 'There is no WebSocket here.');
    return;
  }
  const { path, channelOf: kernelId } = route;
  if (kernelId === undefined) refuseUpgrade(socket, 404, 'There is no WebSocket here.');
  else await options.channels.accept(request, socket, head, { kernelId, path });
}

function answerJson(response: ServerResponse, body: object): void {
  const text = JSON.stringify(body);
  response.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
  response.end(text);
}

function admit(
  options: FrontDoorOptions,
  request: IncomingMessage,
): Route | Refusal | { activity: object } {
  const expected = options.accessToken();
  if (expected === undefined) {
    return { status: 503, message: 'The agent is not registered yet. Try again in a moment.' };
  }
  if (!isAuthorized(request.headers.authorization, expected)) {
    return { status: 401, message: "The session's access token is missing or wrong." };
  }
  options.onAsked();
  const { url = '/' } = request;
  if (options.activity && url === ACTIVITY_PATH) return { activity: options.activity() };
  return routeOf(url) ?? { status: 404, message: 'The agent does not serve this.' };
}

/** In a time that does not depend on where the two differ. */
function isAuthorized(header: string | undefined, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(header ?? ''), digest(`Bearer ${expected}`));
}
