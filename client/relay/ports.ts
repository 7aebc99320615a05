// Finds the port on which the relay listens: the one that was asked for, or the next free one. relay.ts calls it.
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ClientError } from '../errors.ts';

const ADDRESS = '127.0.0.1';
const MAX_TRIES = 50;

export interface PortWish {
  /** 0: any. */
  port: number;
  /** The user gave it: another one would not do. */
  isPortFixed: boolean;
}

/** No port could be had; the message says which and what to do. */
export class PortError extends ClientError {
  override readonly name = 'PortError';
}

/**
 * @returns the port
 * @throws PortError
 */
export async function listen(server: Server, wish: PortWish): Promise<number> {
  const last = wish.isPortFixed || wish.port === 0 ? wish.port : wish.port + MAX_TRIES;
  for (let port = wish.port; port <= Math.min(last, 65_535); port++) {
    const error = await tryPort(server, port);
    if (!error) return (server.address() as AddressInfo).port;
    if (error.code !== 'EADDRINUSE') throw cannotListen(port, error);
  }
  throw wish.isPortFixed ? isTaken(wish.port) : areAllTaken(wish.port, last);
}

function tryPort(server: Server, port: number): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    const onError = (error: NodeJS.ErrnoException) => {
      server.off('listening', onListening);
      resolve(error);
    };
    const onListening = () => {
      server.off('error', onError);
      resolve(undefined);
    };
    server.once('error', onError);
    server.once('listening', onListening);
    server.listen(port, ADDRESS);
  });
}

function isTaken(port: number): PortError {
  return new PortError(
    `Port ${port} is taken by another program. Choose another one with --port, or leave --port out to get the next free one.`,
  );
}

function areAllTaken(first: number, last: number): PortError {
  return new PortError(
    `Ports ${first} to ${last} are all taken by other programs. Choose another one with --port.`,
  );
}

function cannotListen(port: number, error: NodeJS.ErrnoException): PortError {
  return new PortError(
    `Cannot listen on ${ADDRESS}:${port} (${error.code ?? error.message}). Choose another port with --port.`,
    { cause: error },
  );
}
