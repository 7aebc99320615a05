// Opens a WebSocket to the agent or the UI server over a stream that somebody else made. sockets.ts and
// channel/agent-connection.ts use it.
import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import type { Clock } from '../clock.ts';

export interface UpstreamSocketOptions {
  openStream(): Promise<Duplex>;
  /** Path and query. */
  path: string;
  headers: Record<string, string[]>;
  /** As the front-end offered them. */
  protocols: string[];
  clock: Clock;
  signal: AbortSignal;
  handshakeMilliseconds?: number;
  /** Of one message. */
  maxPayload?: number;
}

export interface UpstreamSocket {
  /** Open, and paused until somebody listens. */
  socket: WebSocket;
  /** What it runs on. */
  stream: Duplex;
  /** What the server chose; servers that do not know any choose none. */
  protocol: string | undefined;
}

/** The server is there and does not want this WebSocket. */
export class HandshakeRefusedError extends Error {
  override name = 'HandshakeRefusedError';
  readonly status: number;

  constructor(status: number) {
    super(`the WebSocket was refused with ${status}`);
    this.status = status;
  }
}

const HANDSHAKE_MILLISECONDS = 30_000;
/** Bounded by what a string can hold; kernels send images and tables in one message. */
const MAX_PAYLOAD_BYTES = 512 * 1_048_576;

/** @throws HandshakeRefusedError, or any other error when the server cannot be reached */
export async function openUpstreamSocket(options: UpstreamSocketOptions): Promise<UpstreamSocket> {
  const stream = await options.openStream();
  if (options.signal.aborted) {
    stream.destroy();
    throw new Error('the front-end went away');
  }
  const socket = new WebSocket(`ws://localhost${options.path}`, options.protocols, {
    createConnection: () => stream,
    headers: options.headers,
    perMessageDeflate: false,
    maxPayload: options.maxPayload ?? MAX_PAYLOAD_BYTES,
  });
  const protocol = chosenProtocol(socket, options.protocols);
  const cancel = options.clock.after(
    options.handshakeMilliseconds ?? HANDSHAKE_MILLISECONDS,
    () => {
      socket.terminate();
    },
  );
  const giveUp = () => {
    socket.terminate();
  };
  options.signal.addEventListener('abort', giveUp);
  try {
    await opened(socket);
    return { socket, stream, protocol: await protocol };
  } finally {
    cancel();
    options.signal.removeEventListener('abort', giveUp);
  }
}

/** `ws` ends a connection whose server ignores the offered protocols; browsers do not, and older gateways ignore them. */
function chosenProtocol(socket: WebSocket, offered: string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    socket.once('upgrade', (response) => {
      const chosen = response.headers['sec-websocket-protocol'];
      resolve(chosen);
      const [first] = offered;
      if (chosen === undefined && first !== undefined) {
        response.headers['sec-websocket-protocol'] = first;
      }
    });
  });
}

function opened(socket: WebSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('open', () => {
      socket.pause();
      socket.off('error', reject);
      resolve();
    });
    socket.once('unexpected-response', (request, response) => {
      reject(new HandshakeRefusedError(response.statusCode ?? 503));
      request.destroy();
    });
    socket.on('error', reject);
  });
}
