// Who may pass: checks Host, Origin and the relay's token before anything else is looked at. Pure.
// relay.ts asks for every request, sockets.ts for every WebSocket.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { isApiPath } from './routes.ts';
import { splitUrl, withoutToken } from './url.ts';

export interface Doorway {
  port: number;
  token: string;
  /** SHA-256 digests, in hex, of the tokens of relays that were here before: their pages are let in, too. */
  earlier: readonly string[];
}

export interface Visitor {
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  isWebSocket: boolean;
}

export type Refusal = { kind: 'refused'; status: 400 | 401 | 403 | 421; message: string };

export type Verdict =
  /** `by`: what proved it. Only a cookie is sent by browsers on their own. */
  | { kind: 'admitted'; by: 'cookie' | 'header' | 'query' }
  /** A page opened with `?token=`: give it the cookie and send it to the address without the token. */
  | { kind: 'welcome'; location: string; cookie: string }
  | Refusal;

/** @returns what to do with a request; its checks in the order in which they matter */
export function judge(visitor: Visitor, door: Doorway): Verdict {
  // An absolute or empty target (`GET http://… HTTP/1.1`) is for proxies, which the relay is not.
  if (!visitor.url.startsWith('/')) return refused(400, 'The request target must be a path.');
  if (!isOurs(visitor.headers.host, door.port)) {
    return refused(421, `This is http://127.0.0.1:${door.port}/, not the host that was asked for.`);
  }
  const { origin } = visitor.headers;
  if (origin !== undefined && !isOurOrigin(origin, door.port)) {
    return refused(403, 'Requests from pages of another origin are refused.');
  }
  const by = credentialOf(visitor, door);
  if (by === undefined) return refused(401, SIGN_IN);
  // Browsers name the origin of every WebSocket; what does not must prove that it is no browser.
  if (visitor.isWebSocket && origin === undefined && by === 'cookie') {
    return refused(403, 'A WebSocket without Origin must bear the token.');
  }
  return by === 'query' && isPage(visitor) ? welcome(visitor, door) : { kind: 'admitted', by };
}

/** Cookies know no ports: without the port in its name, two relays would sign each other out. */
export function cookieName(port: number): string {
  return `datalab-${port}`;
}

const SIGN_IN =
  'The token is missing or wrong. Open the address that `datalab-client start` printed, with its ?token=…';

function isOurs(host: string | undefined, port: number): boolean {
  const suffixes = port === 80 ? [':80', ''] : [`:${port}`];
  return suffixes.some((suffix) =>
    ['127.0.0.1', 'localhost'].some((name) => host?.toLowerCase() === name + suffix),
  );
}

function isOurOrigin(origin: string, port: number): boolean {
  return origin.startsWith('http://') && isOurs(origin.slice('http://'.length), port);
}

function credentialOf(visitor: Visitor, door: Doorway): 'cookie' | 'header' | 'query' | undefined {
  const authorization = /^(?:token|bearer) +(\S+)$/i.exec(visitor.headers.authorization ?? '');
  if (isToken(authorization?.[1], door)) return 'header';
  if (isToken(splitUrl(visitor.url).query.get('token'), door)) return 'query';
  const cookies = (visitor.headers.cookie ?? '').split(';').map((cookie) => cookie.trim());
  const ours = cookies.filter((cookie) => cookie.startsWith(`${cookieName(door.port)}=`));
  const isSignedIn = ours.some((cookie) => isToken(cookie.slice(cookie.indexOf('=') + 1), door));
  return isSignedIn ? 'cookie' : undefined;
}

function isToken(candidate: string | null | undefined, { token, earlier }: Doorway): boolean {
  if (candidate === undefined || candidate === null || token === '') return false;
  // Digests, because timingSafeEqual wants equal lengths.
  const known = [digest(token), ...earlier.map((hex) => Buffer.from(hex, 'hex'))];
  return (
    known.filter((one) => one.length === 32 && timingSafeEqual(digest(candidate), one)).length > 0
  );
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function isPage(visitor: Visitor): boolean {
  if (visitor.isWebSocket || isApiPath(splitUrl(visitor.url).path)) return false;
  return visitor.method === 'GET' || visitor.method === 'HEAD';
}

function welcome(visitor: Visitor, door: Doorway): Verdict {
  return {
    kind: 'welcome',
    // `//host` and `/\host` are addresses of another host to a browser.
    location: withoutToken(visitor.url).replace(/^[/\\]+/, '/'),
    cookie: `${cookieName(door.port)}=${door.token}; Path=/; HttpOnly; SameSite=Strict`,
  };
}

function refused(status: Refusal['status'], message: string): Refusal {
  return { kind: 'refused', status, message };
}
