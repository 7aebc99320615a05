// The agent's WebSocket to the gateway for one kernel. gateway-line.ts opens it, and is told what the gateway said: its
// sub-protocol, or why not.
import type { IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import type { Gateway } from './gateway.ts';

/** Messages are as large as a notebook's output; the gateway sets its own bound for what it takes. */
export const MAX_MESSAGE_BYTES = 1_073_741_824;

/** The gateway answered the handshake, and not with a WebSocket. */
export class HandshakeRefused extends Error {
  override name = 'HandshakeRefused';
  readonly status: number;

  constructor(status: number) {
    super(`the gateway answered the handshake with ${status}`);
    this.status = status;
  }
}

/**
 * Resolves with an open connection that is paused: nothing is delivered before its user listens and resumes it.
 * @throws HandshakeRefused when the gateway refused; another error when it could not be reached.
 */
export async function openKernelConnection(
  gateway: Gateway,
  path: string,
  offered: readonly string[],
  signal: AbortSignal,
): Promise<WebSocket> {
  const authorization = await gateway.authorization();
  const open = (protocols: readonly string[]) =>
    handshake(`${gateway.url.replace(/^http/, 'ws')}${path}`, protocols, authorization, signal);
  try {
    return await open(offered);
  } catch (error) {
    if (!isSubprotocolDeclined(error)) throw error;
    return await open([]);
  }
}

async function handshake(
  url: string,
  protocols: readonly string[],
  authorization: string,
  signal: AbortSignal,
): Promise<WebSocket> {
  const webSocket = new WebSocket(url, [...protocols], {
    headers: { Authorization: authorization },
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE_BYTES,
    skipUTF8Validation: true, // The text is passed on as it is; its reader validates it.
  });
  const opened = Promise.withResolvers<WebSocket>();
  const onAbort = () => {
    webSocket.terminate();
  };
  signal.addEventListener('abort', onAbort);
  webSocket.once('open', () => {
    webSocket.pause();
    opened.resolve(webSocket);
  });
  webSocket.on('error', opened.reject);
  webSocket.once('unexpected-response', (request, response: IncomingMessage) => {
    opened.reject(new HandshakeRefused(response.statusCode ?? 0));
    request.destroy();
  });
  if (signal.aborted) onAbort();
  try {
    return await opened.promise;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/**
 * Gateways that know only plain JSON answer an offer with none, which ws takes for an error (lib/websocket.js):
 * then the offer is not made.
 */
function isSubprotocolDeclined(error: unknown): boolean {
  return error instanceof Error && error.message === 'Server sent no subprotocol';
}
