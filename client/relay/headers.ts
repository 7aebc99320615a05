// Which headers pass the relay, and in which form: towards agent and UI server, and back. Pure.
// to-agent.ts, to-ui.ts and sockets.ts use it. Lists are flat, [name, value, …], as node's `rawHeaders` are.
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';

/** Headers of one connection, not of the message (RFC 9110, 7.6.1); `expect` node has answered already. */
const HOP_BY_HOP = [
  'connection',
  'expect',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

/** What says who asks in which browser; the agent and the gateway must not see it. */
const BROWSERS_OWN = ['authorization', 'cookie', 'host', 'origin', 'referer', 'x-xsrftoken'];

export function toAgentHeaders(raw: readonly string[], accessToken: string): string[] {
  const kept = without(raw, [...hopByHop(raw), ...BROWSERS_OWN]);
  return [...kept, 'authorization', `Bearer ${accessToken}`];
}

export interface UiHeaderOptions {
  /** Name of the relay's own cookie, which the UI server has no use for. */
  cookieName: string;
  /** Set when the front-end proved itself with the token: Jupyter asks no XSRF token of those. */
  xsrfToken: string | undefined;
  /** What the UI server asks for where it listens on a port. */
  uiToken: string | undefined;
}

/** Host, Origin and Jupyter's own cookies pass as they are: its checks then work as without a relay. */
export function toUiHeaders(raw: readonly string[], options: UiHeaderOptions): string[] {
  const passed = without(raw, [...hopByHop(raw), 'authorization', 'cookie']);
  const { uiToken } = options;
  const kept = uiToken === undefined ? passed : [...passed, 'authorization', `token ${uiToken}`];
  const hidden = [options.cookieName, ...(options.xsrfToken === undefined ? [] : ['_xsrf'])];
  const cookies = valuesOf(raw, 'cookie')
    .flatMap((value) => value.split(';'))
    .map((cookie) => cookie.trim())
    .filter((cookie) => cookie !== '' && !hidden.includes(cookie.split('=')[0]?.trim() ?? ''));
  if (options.xsrfToken === undefined) return withCookies(kept, cookies);
  // The UI server cannot check the relay's token itself; a matching pair tells it that somebody has.
  const { xsrfToken } = options;
  const proven = [...without(kept, ['x-xsrftoken']), 'x-xsrftoken', xsrfToken];
  return withCookies(proven, [...cookies, `_xsrf=${xsrfToken}`]);
}

/** The gateway sets no cookie and opens nothing to other origins on the relay's address. */
export function fromAgentHeaders(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  const kept = fromUiHeaders(headers);
  return filterNames(kept, (name) => name !== 'set-cookie' && !name.startsWith('access-control-'));
}

export function fromUiHeaders(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  const hidden = [...HOP_BY_HOP, ...connectionNames([headers.connection ?? ''])];
  return filterNames(headers, (name) => !hidden.includes(name));
}

/** Takes out by lower-case name. */
export function without(raw: readonly string[], names: readonly string[]): string[] {
  return pairs(raw)
    .filter(([name]) => !names.includes(name.toLowerCase()))
    .flat();
}

/** The form that `ws` takes. What belongs to the handshake it makes itself. */
export function toSocketHeaders(raw: readonly string[]): Record<string, string[]> {
  const headers: Record<string, string[]> = {};
  for (const [name, value] of pairs(raw)) {
    const key = name.toLowerCase();
    if (key.startsWith('sec-websocket-')) continue;
    (headers[key] ??= []).push(value);
  }
  return headers;
}

function withCookies(raw: string[], cookies: string[]): string[] {
  return cookies.length === 0 ? raw : [...raw, 'cookie', cookies.join('; ')];
}

function hopByHop(raw: readonly string[]): string[] {
  return [...HOP_BY_HOP, ...connectionNames(valuesOf(raw, 'connection'))];
}

/** `Connection` names further headers that end here. */
function connectionNames(values: readonly string[]): string[] {
  return values.flatMap((value) => value.split(',')).map((name) => name.trim().toLowerCase());
}

function valuesOf(raw: readonly string[], wanted: string): string[] {
  return pairs(raw)
    .filter(([name]) => name.toLowerCase() === wanted)
    .map(([, value]) => value);
}

function pairs(raw: readonly string[]): [string, string][] {
  return Array.from({ length: Math.floor(raw.length / 2) }, (_, index) => [
    raw[2 * index] ?? '',
    raw[2 * index + 1] ?? '',
  ]);
}

function filterNames(
  headers: IncomingHttpHeaders | OutgoingHttpHeaders,
  isKept: (name: string) => boolean,
): OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => isKept(name)));
}
