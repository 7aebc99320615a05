// A company's network in small: hosts that only its proxy can find, reached by CONNECT, with TLS and a certificate that
// has to be trusted first.
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect, type AddressInfo, type Server, type Socket } from 'node:net';
import path from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import type { TestContext } from 'node:test';
import { createCertificate } from '../../emulator/oidc/certificate.ts';
import { temporaryFolder } from './temporary-folder.ts';

export interface ConnectProxy {
  /** host:port */
  address: string;
  /** What was asked for, as `api.datalab.test:443`. */
  asked: string[];
  /** The user and password that came with each. */
  signIns: (string | undefined)[];
}

export interface ConnectProxyOptions {
  /** Ports on loopback, by what the proxy is asked for. */
  hosts?: Readonly<Record<string, number>>;
  /** Answers this instead. */
  status?: number;
}

export async function startConnectProxy(
  t: Pick<TestContext, 'after'>,
  { hosts = {}, status }: ConnectProxyOptions = {},
): Promise<ConnectProxy> {
  const asked: string[] = [];
  const signIns: (string | undefined)[] = [];
  const server = createServer((_, reply) => reply.writeHead(400).end());
  server.on('connect', ({ url = '', headers }, socket: Socket) => {
    asked.push(url);
    const [, basic] = /^Basic (.*)$/.exec(headers['proxy-authorization'] ?? '') ?? [];
    signIns.push(basic && Buffer.from(basic, 'base64').toString());
    const port = hosts[url];
    const answer = status ?? (port === undefined ? 502 : 200);
    socket.on('error', () => undefined);
    socket.write(`HTTP/1.1 ${answer} As Told\r\n\r\n`);
    if (answer !== 200 || port === undefined) socket.end();
    else join(socket, port);
  });
  return { address: `127.0.0.1:${await listen(t, server)}`, asked, signIns };
}

export interface Certificate {
  privateKey: KeyObject;
  pem: string;
  /** For NODE_EXTRA_CA_CERTS. */
  file: string;
}

export function selfSigned(
  t: Pick<TestContext, 'after'>,
  names: readonly string[],
  now = Date.now(),
): Certificate {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const day = 86_400_000;
  const dates = { notBefore: new Date(now - day), notAfter: new Date(now + day) };
  const pem = createCertificate({ commonName: 'datalab test', privateKey, names, ...dates });
  const file = path.join(temporaryFolder(t), 'certificate.pem');
  writeFileSync(file, pem);
  return { privateKey, pem, file };
}

/** TLS in front of a port on loopback; its own port. */
export async function startTls(
  t: Pick<TestContext, 'after'>,
  { privateKey, pem }: Certificate,
  port: number,
): Promise<number> {
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' });
  const server = createTlsServer({ key, cert: pem }, (socket) => {
    join(socket, port);
  });
  server.on('tlsClientError', () => undefined);
  return await listen(t, server);
}

function join(socket: Socket, port: number): void {
  const other = connect(port, '127.0.0.1');
  socket.on('error', () => other.destroy()).pipe(other);
  other.on('error', () => socket.destroy()).pipe(socket);
}

async function listen(t: Pick<TestContext, 'after'>, server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket.once('close', () => sockets.delete(socket)));
  });
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}
