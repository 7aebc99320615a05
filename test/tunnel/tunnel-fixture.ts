// What the tunnel's tests share: a relay in front of a TCP server, a tunnel through it, and their end.
import { createHash } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { TestContext } from 'node:test';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { openTunnel } from '../../client/tunnel/connection.ts';
import type { TunnelOptions } from '../../client/tunnel/connection.ts';
import type { IapServer, IapServerOptions } from './iap-server.ts';
import { startIapServer } from './iap-server.ts';

export const TOKEN = 'an-access-token';

export async function startRelay(
  context: TestContext,
  options: Partial<IapServerOptions> = {},
): Promise<IapServer> {
  const relay = await startIapServer({ token: TOKEN, ...options });
  context.after(() => relay.close());
  return relay;
}

/** A TCP server on loopback; the number of its port. */
export async function startTcp(
  context: TestContext,
  onConnection: (socket: Socket) => void,
): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

export async function open(
  context: TestContext,
  relay: IapServer,
  options: Partial<TunnelOptions> = {},
): Promise<Duplex> {
  const stream = await openTunnel({
    url: relay.url,
    accessToken: () => Promise.resolve(TOKEN),
    target: targetOf(8888),
    env: {},
    ...options,
  });
  context.after(() => stream.destroy());
  return stream;
}

export function targetOf(port: number): TunnelOptions['target'] {
  return {
    project: 'a-project',
    zone: 'europe-west1-b',
    instance: 'an-instance',
    networkInterface: 'nic0',
    port,
  };
}

/** Bytes that repeat nowhere near a frame's size, so that a lost or swapped frame changes the hash. */
export function sampleBytes(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32LE((at * 2_654_435_761) >>> 0, at);
  return bytes;
}

export function hashOf(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}

export async function until(what: string, condition: () => boolean, seconds = 10): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`not within ${seconds} s: ${what}`);
    await delay(5);
  }
}
