// Which proxy the environment names for a URL: HTTPS_PROXY, HTTP_PROXY and NO_PROXY, or the same in lower case, which
// goes first as in curl. Pure; dispatcher.ts and tunnel/ ask here, so that HTTP and WebSockets go the same way.
import { ClientError } from '../errors.ts';
import type { Io } from '../io.ts';

export interface Proxy {
  url: URL;
  /** The variable that names it, for messages. */
  variable: string;
}

type Env = Io['env'];

const HTTPS = ['https_proxy', 'HTTPS_PROXY'];
const HTTP = ['http_proxy', 'HTTP_PROXY'];
const NONE = ['no_proxy', 'NO_PROXY'];

/** Without one nothing needs to be loaded. */
export function hasProxy(env: Env): boolean {
  return [...HTTPS, ...HTTP].some((name) => env[name]);
}

/**
 * Undefined: straight there. This machine's own addresses always are, whatever the variables say.
 * @throws ClientError that names the variable when it does not hold the URL of an HTTP proxy
 */
export function proxyOf(target: URL, env: Env): Proxy | undefined {
  const isSecure = target.protocol === 'https:' || target.protocol === 'wss:';
  const variable = (isSecure ? HTTPS : HTTP).find((name) => env[name]);
  if (variable === undefined || isLoopback(target.hostname)) return undefined;
  const exceptions = NONE.map((name) => env[name]).find((value) => value) ?? '';
  const port = target.port || (isSecure ? '443' : '80');
  if (isExcepted(bare(target.hostname), port, exceptions)) return undefined;
  return { url: parse(variable, env[variable] ?? ''), variable };
}

/** Not with its value, which may hold a password. */
function parse(variable: string, value: string): URL {
  const url = URL.parse(value.includes('://') ? value : `http://${value}`);
  if (url?.hostname && ['http:', 'https:'].includes(url.protocol)) return url;
  throw new ClientError(
    `${variable} is not the URL of an HTTP proxy: set it to http://HOST:PORT, or unset it.`,
  );
}

/** URL has brought addresses to their usual form. */
function isLoopback(hostname: string): boolean {
  return /^(127\.[\d.]+|\[::1\]|(.*\.)?localhost\.?)$/.test(hostname);
}

/** Entries are hosts with everything below them (`example.com`, also `.example.com`, `*.example.com`), `*`, any with `:PORT`. */
function isExcepted(hostname: string, port: string, exceptions: string): boolean {
  const entries = exceptions.split(/[\s,]+/).filter((entry) => entry !== '');
  return entries.some((entry) => {
    const [, host = '', ofPort] = /^(\[[^\]]*\]|[^:]*|.*:.*:.*?)(?::(\d+))?$/.exec(entry) ?? [];
    if (ofPort !== undefined && ofPort !== port) return false;
    const domain = bare(host.replace(/^\*?\./, ''));
    return domain === '*' || hostname === domain || hostname.endsWith(`.${domain}`);
  });
}

/** As it is compared: without the brackets of an IPv6 address, and the dot that a full name may end with. */
function bare(hostname: string): string {
  return hostname
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();
}
