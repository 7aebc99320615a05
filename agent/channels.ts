// Accepts front-ends' WebSockets to kernels: relays, whose channels resume, and plain Jupyter front-ends. server.ts hands
// it upgrade requests whose token was right; the kernel's host serves them.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { CHANNEL_SUBPROTOCOL, MAX_FRAME_BYTES } from './channel/frames.ts';
import { keepAlive } from './channel/keep-alive.ts';
import { V1_SUBPROTOCOL } from './channel/messages.ts';
import { ChannelEnd } from './channel-end.ts';
import type { Clock } from './clock.ts';
import type { Gate } from './gate.ts';
import { GATE_SHUT } from './gate.ts';
import { jsonAnswer } from './headers.ts';
import type { KernelHost } from './kernel-host.ts';
import { PLAIN_KEY } from './kernel-host.ts';
import type { KernelHosts } from './kernel-hosts.ts';
import type { Log } from './log.ts';
import { reasonOf } from './log.ts';
import { PlainEnd } from './plain-end.ts';

const GOODBYE_MILLISECONDS = 1_000;
const PINGS = { milliseconds: 30_000, maxSilent: 1 };

export interface ChannelsOptions {
  hosts: KernelHosts;
  gate: Gate;
  clock: Clock;
  log: Log;
}

export class Channels {
  readonly #options: ChannelsOptions;
  readonly #abort = new AbortController();
  readonly #frontEnds: WebSocketServer;

  constructor(options: ChannelsOptions) {
    this.#options = options;
    this.#frontEnds = new WebSocketServer({
      noServer: true,
      perMessageDeflate: false,
      maxPayload: MAX_FRAME_BYTES,
      skipUTF8Validation: true,
      handleProtocols: (offered) =>
        [CHANNEL_SUBPROTOCOL, V1_SUBPROTOCOL].find((protocol) => offered.has(protocol)) ?? false,
    });
  }

  /** `path` with the query: it holds the front-end's session id. */
  async accept(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    target: { kernelId: string; path: string },
  ): Promise<void> {
    const gone = new AbortController();
    const onGone = () => {
      gone.abort();
    };
    socket.once('close', onGone);
    const signal = AbortSignal.any([gone.signal, this.#abort.signal]);
    try {
      const host = await this.#hostOf(target.kernelId, signal);
      socket.off('close', onGone);
      if (typeof host === 'string') refuseUpgrade(socket, 503, host);
      else if (!host) refuseUpgrade(socket, 404, 'There is no such kernel.');
      else this.#join(request, socket, head, host, target.path);
    } catch (error) {
      refuseUpgrade(socket, 503, 'The gateway does not answer. Try again in a moment.');
      this.#options.log.error('channel not opened', { reason: reasonOf(error) });
    }
  }

  /** Says goodbye to everybody; resolves when they have answered, or after a moment. */
  async close(): Promise<void> {
    this.#abort.abort();
    const { hosts, clock } = this.#options;
    await hosts.close();
    const goodbyes = [...this.#frontEnds.clients].map(
      (webSocket) => new Promise((resolve) => webSocket.once('close', resolve)),
    );
    await new Promise<void>((resolve) => {
      const cancel = clock.after(GOODBYE_MILLISECONDS, resolve);
      void Promise.all(goodbyes).then(() => {
        cancel();
        resolve();
      });
    });
  }

  /** A kernel that is used already needs nothing of the gateway; another one waits at the gate. */
  async #hostOf(kernelId: string, signal: AbortSignal): Promise<KernelHost | string | undefined> {
    const { hosts, gate } = this.#options;
    const known = hosts.get(kernelId);
    if (known) return known;
    if (!(await gate.admitChannel(signal))) return GATE_SHUT;
    return await hosts.open(kernelId);
  }

  #join(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    host: KernelHost,
    path: string,
  ): void {
    if (this.#abort.signal.aborted || socket.destroyed) {
      socket.destroy();
      return;
    }
    const { clock, log } = this.#options;
    this.#frontEnds.handleUpgrade(request, socket, head, (webSocket) => {
      const { taken: onTaken } = keepAlive(webSocket, clock, { ...PINGS, stream: socket });
      const session = new URL(path, 'http://agent').searchParams.get('session_id') ?? randomUUID();
      if (webSocket.protocol === CHANNEL_SUBPROTOCOL) {
        new ChannelEnd({ key: session.slice(0, 128), webSocket, onTaken, host, clock, log });
      } else {
        new PlainEnd({ key: `${PLAIN_KEY}${randomUUID()}`, webSocket, host, log });
      }
    });
  }
}

/** Answers an upgrade request with an error, as HTTP. */
export function refuseUpgrade(socket: Duplex, status: number, message: string): void {
  if (socket.destroyed) return;
  const { headers, body } = jsonAnswer(status, message);
  const lines = Object.entries({ ...headers, Connection: 'close' }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  const reason = (JSON.parse(body) as { reason: string }).reason;
  socket.end(`HTTP/1.1 ${status} ${reason}\r\n${lines.join('')}\r\n${body}`);
}
