// How undici reaches what the client calls when the environment names a proxy. For WebSockets see connection.ts.
import { Agent, buildConnector, type Dispatcher } from 'undici';
import type { Io } from '../io.ts';
import { connectThrough } from './connection.ts';
import { hasProxy, proxyOf } from './settings.ts';

/**
 * `dispatcher` for undici's requests; undefined, the default one, where no proxy is named.
 * @throws ClientError, by the requests, when a variable is wrong or the proxy refuses
 */
export function dispatcherFor(env: Io['env']): Dispatcher | undefined {
  if (!hasProxy(env)) return undefined;
  const connectStraight = buildConnector({});
  const connect: buildConnector.connector = (options, done) => {
    open(options, env).then(
      (socket) => {
        // Through the proxy there is a connection already; what is left is TLS.
        if (socket && options.protocol !== 'https:') done(null, socket);
        else connectStraight(socket ? { ...options, httpSocket: socket } : options, done);
      },
      (error: unknown) => {
        done(error as Error, null);
      },
    );
  };
  return new Agent({ connect });
}

async function open({ protocol, hostname, port }: buildConnector.Options, env: Io['env']) {
  const host = hostname.includes(':') ? `[${hostname.replace(/^\[|\]$/g, '')}]` : hostname;
  const target = new URL(`${protocol}//${host}${port ? `:${port}` : ''}`);
  const proxy = proxyOf(target, env);
  if (!proxy) return undefined;
  return await connectThrough(proxy, hostname, port || (protocol === 'https:' ? '443' : '80'));
}
