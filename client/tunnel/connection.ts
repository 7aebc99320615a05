// Opens a tunnel to one port of one instance through Google's IAP relay: the handshake, up to the session id.
// The caller (relay/) uses the resulting stream as the socket of undici and ws; stream.ts carries its bytes.
import type { createConnection as connectSocket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import type { Clock } from '../clock.ts';
import { systemClock } from '../clock.ts';
import { ClientError } from '../errors.ts';
import type { Io } from '../io.ts';
import { webSocketConnection } from '../proxy/connection.ts';
import { TunnelError, errorOfNetwork, errorOfStatus, errorOfTimeout } from './errors.ts';
import type { TunnelTarget } from './target.ts';
import { TunnelStream } from './stream.ts';

export interface TunnelOptions {
  /** The relay, such as wss://tunnel.cloudproxy.app/v4 */
  url: string;
  /** Called once per connection; the token reaches the Authorization header only. */
  accessToken: () => Promise<string>;
  target: TunnelTarget;
  /** Names the proxy, if there is one. */
  env: Io['env'];
  /** For token, handshake and session id together. */
  connectTimeoutMilliseconds?: number;
  /** A peer from which nothing arrives for two of these is taken for dead. */
  pingIntervalMilliseconds?: number;
  signal?: AbortSignal;
  clock?: Clock;
}

const SUBPROTOCOL = 'relay.tunnel.cloudproxy.app';
const CONNECT_TIMEOUT_MILLISECONDS = 60_000; // The Cloud SDK's.
const PING_INTERVAL_MILLISECONDS = 15_000;
const MAX_MESSAGE_BYTES = 1_048_576;

/**
 * Resolves when the instance has accepted the connection (the relay has sent the session id).
 * @throws TunnelError, whose reason says whether trying again makes sense.
 */
export async function openTunnel(options: TunnelOptions): Promise<Duplex> {
  const clock = options.clock ?? systemClock;
  const limit = options.connectTimeoutMilliseconds ?? CONNECT_TIMEOUT_MILLISECONDS;
  const giveUp = Promise.withResolvers<never>();
  const cancelTimeout = clock.after(limit, () => {
    giveUp.reject(errorOfTimeout(options.target, limit));
  });
  const onAbort = () => {
    giveUp.reject(new TunnelError('cancelled', 'Opening the tunnel was cancelled.'));
  };
  options.signal?.addEventListener('abort', onAbort);
  if (options.signal?.aborted) onAbort();
  try {
    const token = await Promise.race([options.accessToken(), giveUp.promise]);
    return await connect(options, token, clock, giveUp.promise);
  } finally {
    cancelTimeout();
    options.signal?.removeEventListener('abort', onAbort);
  }
}

async function connect(
  options: TunnelOptions,
  token: string,
  clock: Clock,
  giveUp: Promise<never>,
): Promise<Duplex> {
  const relay = openWebSocket(options, token);
  const stream = new TunnelStream({
    relay,
    target: options.target,
    clock,
    pingIntervalMilliseconds: options.pingIntervalMilliseconds ?? PING_INTERVAL_MILLISECONDS,
  });
  relay.on('unexpected-response', (request, response) => {
    stream.destroy(errorOfStatus(response.statusCode ?? 0, options.target));
    request.destroy();
  });
  relay.on('error', (error) => {
    if (!stream.connecting) return; // Afterwards the close event says it.
    // A proxy that refuses goes on refusing; its own words say what to do.
    const isFinal = error instanceof ClientError;
    stream.destroy(isFinal ? error : errorOfNetwork(options.target, error));
  });
  try {
    await Promise.race([stream.connected, giveUp]);
    return stream;
  } catch (error) {
    stream.destroy();
    throw error;
  }
}

function openWebSocket(options: TunnelOptions, token: string): WebSocket {
  const url = connectUrl(options);
  const createConnection = webSocketConnection(url, options.env);
  return new WebSocket(url, SUBPROTOCOL, {
    ...(createConnection
      ? { createConnection: createConnection as unknown as typeof connectSocket }
      : {}),
    headers: {
      Authorization: `Bearer ${token}`,
      Origin: 'bot:iap-tunneler',
      'User-Agent': 'datalab-client',
    },
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE_BYTES,
  });
}

function connectUrl({ url, target }: TunnelOptions): URL {
  const connectUrl = new URL(`${url.replace(/\/+$/, '')}/connect`);
  connectUrl.search = new URLSearchParams({
    project: target.project,
    zone: target.zone,
    instance: target.instance,
    interface: target.networkInterface,
    port: String(target.port),
    newWebsocket: 'True',
  }).toString();
  return connectUrl;
}
