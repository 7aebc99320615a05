// The relay's own answers: refusals, the sign-in redirect, and what a front-end is told while the way is down.
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

/** In the form of Jupyter's own errors, which front-ends show. */
export function replyError(response: ServerResponse, status: number, message: string): void {
  const headers: OutgoingHttpHeaders = status === 503 ? { 'retry-after': '2' } : {};
  replyJson(response, status, { message, reason: STATUS_CODES[status] ?? '' }, headers);
}

export function replyJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: OutgoingHttpHeaders = {},
): void {
  reply(response, status, JSON.stringify(body), {
    ...headers,
    'content-type': 'application/json',
  });
}

/** Gives the browser its cookie and sends it to the address without the token. */
export function replyWelcome(
  response: ServerResponse,
  welcome: { location: string; cookie: string },
  isCrossSite: boolean,
): void {
  const headers: OutgoingHttpHeaders = {
    'set-cookie': welcome.cookie,
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
  };
  if (!isCrossSite) {
    reply(response, 302, '', { ...headers, location: welcome.location });
    return;
  }
  // Behind a link on another site's page a redirect counts as that page's too, and a browser sends it no strict
  // cookie. A refresh is this page's own.
  const target = escapeHtml(welcome.location);
  const page = `<!DOCTYPE html><meta http-equiv="refresh" content="0; url=${target}"><a href="${target}">Open the notebooks</a>`;
  reply(response, 200, page, { ...headers, 'content-type': 'text/html; charset=utf-8' });
}

/** Answers a WebSocket's handshake with an HTTP error, since it has no ServerResponse. */
export function refuseUpgrade(socket: Duplex, status: number, message: string): void {
  const body = JSON.stringify({ message, reason: STATUS_CODES[status] ?? '' });
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Error'}\r\n` +
      'Connection: close\r\nContent-Type: application/json\r\n' +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

function reply(
  response: ServerResponse,
  status: number,
  body: string,
  headers: OutgoingHttpHeaders,
): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  response.writeHead(status, {
    'x-content-type-options': 'nosniff',
    ...headers,
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
