// A front-end's WebSocket, from its handshake to the two joined ends: guard, route, open the other side, accept, join.
// relay.ts hands every upgrade to it.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import type { Clock } from '../clock.ts';
import type { AgentLink } from './agent-link.ts';
import { bridge } from './bridge.ts';
import type { Channels } from './channel/channels.ts';
import type { Doorway } from './guard.ts';
import { judge } from './guard.ts';
import { toSocketHeaders } from './headers.ts';
import { refuseUpgrade } from './replies.ts';
import { routeSocket } from './routes.ts';
import type { Proof, UiLink } from './to-ui.ts';
import type { UpstreamSocket } from './upstream-socket.ts';
import { HandshakeRefusedError, openUpstreamSocket } from './upstream-socket.ts';
import { splitUrl, withoutToken } from './url.ts';
import { assertNever } from '../errors.ts';

export interface SocketsOptions {
  door: Doorway;
  agent: AgentLink;
  channels: Channels;
  ui: UiLink | undefined;
  clock: Clock;
}

/** A browser says when it goes; what comes later than this is closed without waiting. */
const GOING_AWAY = 1001;

export class Sockets {
  readonly #options: SocketsOptions;
  /** What the other side chose, until the handshake's answer is written. */
  readonly #protocols = new WeakMap<IncomingMessage, string>();
  readonly #server: WebSocketServer;

  constructor(options: SocketsOptions) {
    this.#options = options;
    this.#server = new WebSocketServer({
      noServer: true,
      perMessageDeflate: false,
      maxPayload: 512 * 1_048_576,
      handleProtocols: (_offered, request) => this.#protocols.get(request) ?? false,
    });
  }

  async accept(request: IncomingMessage, stream: Duplex, head: Buffer): Promise<void> {
    stream.on('error', () => undefined);
    const verdict = judge(
      {
        method: request.method ?? 'GET',
        url: request.url ?? '',
        headers: request.headers,
        isWebSocket: true,
      },
      this.#options.door,
    );
    if (verdict.kind !== 'admitted') {
      refuseUpgrade(stream, ...refusalOf(verdict));
      return;
    }
    if (request.headers.upgrade?.toLowerCase() !== 'websocket') {
      refuseUpgrade(stream, 400, 'Only WebSockets are known here.');
      return;
    }
    await this.#join(request, stream, head, verdict.by);
  }

  /** Says goodbye to every front-end; whoever calls it ends the connections afterwards. */
  close(): void {
    this.#options.channels.close();
    for (const socket of this.#server.clients) socket.close(GOING_AWAY);
    this.#server.close();
  }

  async #join(request: IncomingMessage, stream: Duplex, head: Buffer, by: Proof): Promise<void> {
    const { channels, ui, clock } = this.#options;
    const route = routeSocket(splitUrl(request.url ?? '/').path, ui !== undefined);
    switch (route.to) {
      case 'channel':
        await channels.accept(request, stream, head, route.kernelId);
        return;
      case 'ui': {
        if (!ui) return;
        const back = await this.#open(request, stream, ui, ui.headersFor(request, by));
        if (!back) return;
        this.#complete(request, stream, head, back, (front) => {
          bridge(front, back.socket, clock);
        });
        return;
      }
      case 'nowhere':
        refuseUpgrade(stream, 404, 'There is no WebSocket here.');
        return;
      default:
        assertNever(route);
    }
  }

  /** The other side comes first: only then is it known which protocol to answer, and whether to accept at all. */
  async #open(
    request: IncomingMessage,
    stream: Duplex,
    link: { openStream(): Promise<Duplex> },
    headers: string[],
  ): Promise<UpstreamSocket | undefined> {
    const gone = new AbortController();
    stream.once('close', () => {
      gone.abort();
    });
    try {
      return await openUpstreamSocket({
        openStream: () => link.openStream(),
        path: withoutToken(request.url ?? '/'),
        headers: toSocketHeaders(headers),
        protocols: offeredProtocols(request),
        clock: this.#options.clock,
        signal: gone.signal,
      });
    } catch (error) {
      const status = error instanceof HandshakeRefusedError ? error.status : 503;
      // As for HTTP: nothing that a front-end could take for a dead kernel.
      const told = [401, 502, 504].includes(status) ? 503 : status;
      refuseUpgrade(stream, told, this.#options.agent.downMessage);
      return undefined;
    }
  }

  #complete(
    request: IncomingMessage,
    stream: Duplex,
    head: Buffer,
    back: UpstreamSocket,
    join: (front: WebSocket) => void,
  ): void {
    if (back.protocol !== undefined) this.#protocols.set(request, back.protocol);
    if (stream.destroyed) {
      back.socket.terminate();
      return;
    }
    this.#server.handleUpgrade(request, stream, head, join);
  }
}

function refusalOf(verdict: ReturnType<typeof judge>): [status: number, message: string] {
  if (verdict.kind === 'refused') return [verdict.status, verdict.message];
  return [400, 'This is no page.'];
}

function offeredProtocols(request: IncomingMessage): string[] {
  const offered = request.headers['sec-websocket-protocol'] ?? '';
  return offered
    .split(',')
    .map((protocol) => protocol.trim())
    .filter((protocol) => protocol !== '');
}
