// The main port: plain HTTP and WebSockets, and TLS on the same port for clients that speak nothing else
// (gcloud's tunnel works over wss only). The first byte tells which: a TLS handshake starts with 22.
import { once } from 'node:events';
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server as HttpServer,
} from 'node:http';
import {
  createServer as createNetServer,
  type AddressInfo,
  type Server,
  type Socket,
} from 'node:net';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:tls';
import type { Duplex } from 'node:stream';
import type { KeyObject } from 'node:crypto';
import { createListener, type Dispatch, type IsStreamed } from './router.ts';

export interface FrontDoorOptions {
  dispatch: Dispatch;
  /** See createListener. */
  isStreamed: IsStreamed;
  upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** Asked for at the first TLS connection. */
  tls: () => { key: KeyObject; certificate: string };
}

export interface FrontDoor {
  readonly port: number;
  close(): Promise<void>;
}

const TLS_HANDSHAKE = 22;
const ADDRESS = '127.0.0.1';

/** Listens on `preferred` if it is free, otherwise, unless `isRequired`, on any port that is. */
export async function openFrontDoor(
  options: FrontDoorOptions,
  preferred: number | undefined,
  isRequired: boolean,
): Promise<FrontDoor> {
  const http = createHttpServer(createListener(options.dispatch, options.isStreamed));
  http.on('upgrade', options.upgrade);
  const sockets = new Set<Socket>();
  let tls: TlsServer | undefined;
  const server = createNetServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined); // The close event follows.
    socket.once('data', (first: Buffer) => {
      socket.pause();
      socket.unshift(first);
      const isTls = first[0] === TLS_HANDSHAKE;
      (isTls ? (tls ??= openTls(options, http)) : http).emit('connection', socket);
      // TLS reads what was put back by itself; HTTP listens and waits for it to flow.
      if (!isTls) socket.resume();
    });
  });
  await listen(server, preferred, isRequired);
  const { port } = server.address() as AddressInfo;
  return {
    port,
    close: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}

function openTls({ tls }: FrontDoorOptions, http: HttpServer): TlsServer {
  const { key, certificate } = tls();
  const pem = key.export({ type: 'pkcs8', format: 'pem' });
  const server = createTlsServer({ key: pem, cert: certificate, ALPNProtocols: ['http/1.1'] });
  server.on('secureConnection', (socket) => {
    http.emit('connection', socket);
  });
  server.on('tlsClientError', () => undefined); // A client that does not trust us has said so itself.
  return server;
}

async function listen(
  server: Server,
  preferred: number | undefined,
  isRequired: boolean,
): Promise<void> {
  try {
    server.listen(preferred ?? 0, ADDRESS);
    await once(server, 'listening');
  } catch (error) {
    const isTaken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
    if (!isTaken || preferred === undefined) throw error;
    if (isRequired) {
      throw new Error(
        `Port ${preferred} is taken. Choose another, or leave the choice to the emulator.`,
        {
          cause: error,
        },
      );
    }
    await listen(server, undefined, false);
  }
}
