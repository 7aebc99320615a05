// The emulated IAP relay: checks a WebSocket's handshake as Google does, then connects it to the instance.
// main.ts hands it every upgrade of the main port.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import type { Clock } from '../clock.ts';
import type { AccessGrant, Tokens } from '../oidc/tokens.ts';
import type { Log } from '../router.ts';
import { CLOSE } from './frames.ts';
import { TunnelSession } from './session.ts';

/** Where a tunnel goes; `lost` fires when the instance's connections are dropped. */
export type Reach =
  { kind: 'running'; address: string; lost: AbortSignal } | { kind: 'notRunning' } | undefined;

export interface IapOptions {
  project: string;
  tokens: Tokens;
  clock: Clock;
  log: Log;
  reconnectMilliseconds: number;
  /** Whether this account may tunnel there; an instance that is not there is told apart by `reach`. */
  mayTunnel: (email: string, target: { zone: string; instance: string; port: number }) => boolean;
  reach: (zone: string, instance: string) => Reach;
}

export interface IapServer {
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  close(): void;
}

const SUBPROTOCOL = 'relay.tunnel.cloudproxy.app';
const ORIGIN = 'bot:iap-tunneler';
const MAX_MESSAGE_BYTES = 1_048_576;

export function createIapServer(options: IapOptions): IapServer {
  const sessions = new Map<string, TunnelSession>();
  const webSockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
    handleProtocols: () => SUBPROTOCOL,
  });
  return {
    upgrade(request, socket, head) {
      const url = new URL(request.url ?? '/', 'http://emulator');
      const checked = check(request, url, options);
      if ('refusal' in checked) {
        options.log(`IAP refused ${url.pathname}: ${checked.refusal}`);
        socket.end(`HTTP/1.1 ${checked.refusal}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
        return;
      }
      webSockets.handleUpgrade(request, socket, head, (webSocket) => {
        webSocket.on('error', () => undefined); // The close event follows.
        const open = url.pathname.endsWith('/connect') ? openSession : reopenSession;
        open(
          { webSocket, carrier: socket, grant: checked.grant },
          url.searchParams,
          sessions,
          options,
        ).catch((error: unknown) => {
          options.log(`bug in the emulated IAP relay: ${String(error)}`);
          webSocket.terminate();
        });
      });
    },
    close() {
      for (const session of sessions.values()) session.end(CLOSE.unknown, 'the emulator ends');
      for (const webSocket of webSockets.clients) webSocket.terminate();
    },
  };
}

type Checked = { grant: AccessGrant } | { refusal: string };

function check(request: IncomingMessage, url: URL, { tokens }: IapOptions): Checked {
  const { authorization, origin, 'sec-websocket-protocol': offered = '' } = request.headers;
  if (url.pathname !== '/v4/connect' && url.pathname !== '/v4/reconnect') {
    return { refusal: '404 Not Found' };
  }
  const grant = tokens.readAccessToken(/^Bearer (\S+)$/i.exec(authorization ?? '')?.[1] ?? '');
  if (!grant) return { refusal: '401 Unauthorized' };
  if (origin !== ORIGIN) return { refusal: '403 Forbidden' };
  const isOffered = offered.split(',').some((name) => name.trim() === SUBPROTOCOL);
  const wanted = url.pathname === '/v4/connect' ? CONNECT_PARAMETERS : RECONNECT_PARAMETERS;
  const isComplete = wanted.every((name) => Boolean(url.searchParams.get(name)));
  return isOffered && isComplete ? { grant } : { refusal: '400 Bad Request' };
}

/** Who has passed the checks. */
interface Client {
  webSocket: WebSocket;
  /** What the WebSocket runs on. */
  carrier: Duplex;
  grant: AccessGrant;
}

const CONNECT_PARAMETERS = ['project', 'zone', 'instance', 'interface', 'port'];
const RECONNECT_PARAMETERS = ['sid', 'ack', 'zone'];

async function openSession(
  client: Client,
  query: URLSearchParams,
  sessions: Map<string, TunnelSession>,
  options: IapOptions,
): Promise<void> {
  const { webSocket, grant } = client;
  const get = (name: string) => query.get(name) ?? '';
  const port = Number(get('port'));
  const target = { zone: get('zone'), instance: get('instance'), port };
  const reach = options.reach(target.zone, target.instance);
  const isOurs = get('project') === options.project;
  if (isOurs && (!reach || get('interface') !== 'nic0')) {
    webSocket.close(CLOSE.lookupFailed, 'Failed to lookup instance');
    return;
  }
  if (!isOurs || !reach || !options.mayTunnel(grant.email, target)) {
    webSocket.close(CLOSE.notAuthorized, 'not authorized');
    return;
  }
  const destination =
    reach.kind === 'running' ? await dial(reach.address, port, reach.lost) : undefined;
  if (reach.kind !== 'running' || !destination) {
    webSocket.close(CLOSE.failedToConnect, 'failed to connect to backend');
    return;
  }
  const session = createSession(destination, reach.lost, sessions, options);
  attach(session, client, options);
}

function createSession(
  destination: Socket,
  lost: AbortSignal,
  sessions: Map<string, TunnelSession>,
  options: IapOptions,
): TunnelSession {
  const id = randomBytes(24).toString('base64url');
  const drop = () => {
    session.end(CLOSE.readFailed, 'destination read failed');
  };
  const session = new TunnelSession({
    id,
    destination,
    clock: options.clock,
    reconnectMilliseconds: options.reconnectMilliseconds,
    onEnd: () => {
      sessions.delete(id);
      lost.removeEventListener('abort', drop);
    },
  });
  sessions.set(id, session);
  lost.addEventListener('abort', drop);
  return session;
}

function reopenSession(
  client: Client,
  query: URLSearchParams,
  sessions: Map<string, TunnelSession>,
  options: IapOptions,
): Promise<void> {
  const { webSocket } = client;
  const session = sessions.get(query.get('sid') ?? '');
  const received = Number(query.get('ack'));
  if (!session) webSocket.close(CLOSE.sessionUnknown, 'unknown session');
  else if (session.isAttached) webSocket.close(CLOSE.sessionInUse, 'session in use');
  else if (!Number.isSafeInteger(received)) webSocket.close(CLOSE.badAck, 'bad ack');
  else attach(session, client, options, received);
  return Promise.resolve();
}

function attach(
  session: TunnelSession,
  { webSocket, carrier, grant }: Client,
  { clock }: IapOptions,
  received?: number,
): void {
  // A client that went away while the instance was dialled is told apart from one that was cut later.
  if (webSocket.readyState !== webSocket.OPEN) {
    session.end(CLOSE.normal, '');
    return;
  }
  session.attach(webSocket, carrier, received);
  const cancel = clock.after(grant.expires * 1000 - clock.now(), () => {
    session.expireCredentials();
  });
  webSocket.on('close', cancel);
}

/** Undefined when nothing answers there. */
async function dial(
  address: string,
  port: number,
  signal: AbortSignal,
): Promise<Socket | undefined> {
  if (!Number.isInteger(port) || port < 1 || port > 65_535) return undefined;
  const socket = connect({ host: address, port, noDelay: true });
  socket.on('error', () => undefined);
  try {
    await once(socket, 'connect', { signal });
    return socket;
  } catch {
    socket.destroy();
    return undefined;
  }
}
