// What the Functions Framework (5.0.5) decides before our code is asked, and cannot be told otherwise, is changed where
// Node announces it: in the diagnostics channels of http and net. Called once, by index.ts, before the server listens.
import { subscribe } from 'node:diagnostics_channel';
import type { IncomingMessage } from 'node:http';

/**
 * The framework parses bodies itself, and answers malformed JSON with an HTML page and, unless NODE_ENV is production,
 * a stack trace. A body of a type that it does not know it hands over as it is (`rawBody`), so every body becomes one;
 * http.ts parses it and answers as AIP-193 asks, and nobody reads that of an event. A path that cannot be decoded gets an HTML page from Express, likewise.
 */
export function takeBodiesUnparsed(): void {
  subscribe('http.server.request.start', (message) => {
    const { request } = message as { request: IncomingMessage };
    request.headers['content-type'] = 'application/octet-stream';
    // We take no compressed bodies; unpacked by the framework, a broken one would be its HTML page again.
    delete request.headers['content-encoding'];
    // Without any body the framework looks for an event in `undefined`, and shows where that went wrong.
    if (request.headers['transfer-encoding'] === undefined)
      request.headers['content-length'] ??= '0';
    if (!isDecodable(request.url ?? '/')) request.url = '/undecodable';
  });
}

/** The framework listens on all addresses, which Cloud Run needs and a shared machine must not have. */
export function listenOn(address: string): void {
  subscribe('tracing:net.server.listen:asyncStart', (message) => {
    const { options } = message as { options: { port?: unknown; host?: unknown } };
    if (options.port !== undefined && options.host === undefined) options.host = address;
  });
}

function isDecodable(url: string): boolean {
  try {
    decodeURIComponent(url.split('?', 1)[0] ?? '');
    return true;
  } catch {
    return false;
  }
}
