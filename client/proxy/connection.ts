// One connection through a proxy, by HTTP's CONNECT: what dispatcher.ts gives undici and tunnel/connection.ts gives ws.
// Messages name the proxy by its host and its variable, never with the user and password that its URL may hold.
import type { RequestOptions } from 'node:http';
import { isIP, type Socket } from 'node:net';
import { ClientError, messageOf } from '../errors.ts';
import { proxyOf, type Proxy } from './settings.ts';
import type { Io } from '../io.ts';

/** The proxy has to find the host, and connect to it, in this time. */
const LIMIT_SECONDS = 30;

/** @throws ClientError when the proxy refuses, Error when it may work later */
export async function connectThrough(proxy: Proxy, host: string, port: string): Promise<Socket> {
  const authority = `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
  const asked = (await requestOf(proxy))(connectRequest(proxy, authority));
  return await new Promise((resolve, reject) => {
    asked.once('timeout', () => {
      asked.destroy(new Error(`no answer within ${LIMIT_SECONDS} s`));
    });
    asked.once('error', (error) => {
      reject(new Error(`${nameOf(proxy)} cannot be reached: ${messageOf(error)}`));
    });
    asked.once('connect', (answer, socket: Socket) => {
      socket.setTimeout(0);
      if (isSuccess(answer.statusCode)) {
        resolve(socket);
        return;
      }
      socket.destroy();
      reject(refusal(proxy, authority, answer.statusCode ?? 0));
    });
    asked.end();
  });
}

/** `createConnection` for ws; undefined: straight there. @throws ClientError as proxyOf */
export function webSocketConnection(target: URL, env: Io['env']) {
  const proxy = proxyOf(target, env);
  if (!proxy) return undefined;
  const host = target.hostname.replace(/^\[|\]$/g, '');
  const isSecure = target.protocol === 'wss:';
  const port = target.port || (isSecure ? '443' : '80');
  return (_: unknown, done: (error: Error | null, socket?: Socket) => void): undefined => {
    const opening = connectThrough(proxy, host, port).then(async (socket) => {
      if (!isSecure) return socket;
      const { connect } = await import('node:tls');
      return connect({ socket, host, servername: isIP(host) ? '' : host });
    });
    opening.then((socket) => {
      done(null, socket);
    }, done);
  };
}

/** Loaded only where there is a proxy. */
async function requestOf({ url }: Proxy) {
  if (url.protocol === 'https:') return (await import('node:https')).request;
  return (await import('node:http')).request;
}

function connectRequest({ url }: Proxy, authority: string): RequestOptions {
  const user = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return {
    method: 'CONNECT',
    hostname: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port,
    path: authority,
    headers: {
      host: authority,
      ...(user === ':'
        ? {}
        : { 'proxy-authorization': `Basic ${Buffer.from(user).toString('base64')}` }),
    },
    agent: false,
    timeout: LIMIT_SECONDS * 1000,
  };
}

function isSuccess(status: number | undefined): boolean {
  return status !== undefined && status >= 200 && status < 300;
}

function nameOf({ url, variable }: Proxy): string {
  return `The proxy ${url.host} (${variable})`;
}

function refusal(proxy: Proxy, authority: string, status: number): Error {
  const { url, variable } = proxy;
  if (status === 407) {
    return new ClientError(
      `${nameOf(proxy)} wants to know who you are (HTTP 407): set ${variable} to ` +
        `${url.protocol}//USER:PASSWORD@${url.host}, with characters such as @ as %40.`,
    );
  }
  if (status === 429 || status >= 500) {
    return new Error(`${nameOf(proxy)} could not connect to ${authority} (HTTP ${status})`);
  }
  return new ClientError(
    `${nameOf(proxy)} refused to connect to ${authority} (HTTP ${status}): ask whoever runs it to ` +
      'allow that, or name the host in NO_PROXY if it can be reached without.',
  );
}
