// Accepts front-ends' WebSockets to kernels: first the gate, then the gateway's side, then the answer to the front-end, then
// channel-bridge.ts joins the two. server.ts hands it upgrade requests whose token was right.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { WebSocketServer } from 'ws';
import type { Bridge } from './channel-bridge.ts';
import { bridgeChannel } from './channel-bridge.ts';
import type { Clock } from './clock.ts';
import type { Gate } from './gate.ts';
import { GATE_SHUT } from './gate.ts';
import type { Gateway } from './gateway.ts';
import { jsonAnswer } from './headers.ts';
import { HandshakeRefused, MAX_MESSAGE_BYTES, openKernelConnection } from './kernel-connection.ts';
import type { Kernels } from './kernels.ts';
import type { Log } from './log.ts';
import { reasonOf } from './log.ts';

const GOODBYE_MILLISECONDS = 1_000;

export interface ChannelsOptions {
  gateway: Gateway;
  kernels: Kernels;
  gate: Gate;
  clock: Clock;
  log: Log;
}

export class Channels {
  readonly #options: ChannelsOptions;
  readonly #bridges = new Set<Bridge>();
  readonly #abort = new AbortController();
  /** What the gateway chose, for the answer to the same request. */
  readonly #chosen = new WeakMap<IncomingMessage, string>();
  readonly #frontEnds: WebSocketServer;

  constructor(options: ChannelsOptions) {
    this.#options = options;
    this.#frontEnds = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: MAX_MESSAGE_BYTES,
      skipUTF8Validation: true,
      handleProtocols: (_offered, request) => {
        const chosen = this.#chosen.get(request);
        return chosen === undefined || chosen === '' ? false : chosen;
      },
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
      const { gateway, gate } = this.#options;
      if (!(await gate.admitChannel(signal))) {
        refuseUpgrade(socket, 503, GATE_SHUT);
        return;
      }
      const kernel = await openKernelConnection(gateway, target.path, offeredBy(request), signal);
      socket.off('close', onGone);
      this.#join(request, socket, head, kernel, target.kernelId);
    } catch (error) {
      this.#refuse(socket, error);
    }
  }

  /** Says goodbye to everybody; resolves when they have answered, or after a moment. */
  async close(): Promise<void> {
    this.#abort.abort();
    for (const bridge of this.#bridges) bridge.close();
    const goodbyes = Promise.all([...this.#bridges].map((bridge) => bridge.closed));
    await new Promise<void>((resolve) => {
      const cancel = this.#options.clock.after(GOODBYE_MILLISECONDS, resolve);
      void goodbyes.then(() => {
        cancel();
        resolve();
      });
    });
  }

  #join(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    kernel: WebSocket,
    kernelId: string,
  ): void {
    this.#chosen.set(request, kernel.protocol);
    const onFailed = () => {
      kernel.terminate();
    };
    if (socket.destroyed) onFailed();
    socket.once('close', onFailed);
    this.#frontEnds.handleUpgrade(request, socket, head, (frontEnd) => {
      socket.off('close', onFailed);
      const { kernels, gate, clock } = this.#options;
      const bridge = bridgeChannel({ kernelId, frontEnd, kernel, kernels, gate, clock });
      this.#bridges.add(bridge);
      void bridge.closed.then(() => this.#bridges.delete(bridge));
    });
  }

  #refuse(socket: Duplex, error: unknown): void {
    if (socket.destroyed) return;
    if (error instanceof HandshakeRefused && error.status >= 400 && error.status < 500) {
      // 401 and 403 are between agent and gateway; for the front-end the way to its kernel is down.
      const isOurs = error.status === 401 || error.status === 403;
      const status = isOurs ? 503 : error.status;
      refuseUpgrade(socket, status, `The gateway answered ${error.status} for this kernel.`);
      if (!isOurs) return;
    } else {
      refuseUpgrade(socket, 503, 'The gateway does not answer. Try again in a moment.');
    }
    this.#options.log.error('channel not opened', { reason: reasonOf(error) });
  }
}

/** Answers an upgrade request with an error, as HTTP. */
export function refuseUpgrade(socket: Duplex, status: number, message: string): void {
  const { headers, body } = jsonAnswer(status, message);
  const lines = Object.entries({ ...headers, Connection: 'close' }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  const reason = (JSON.parse(body) as { reason: string }).reason;
  socket.end(`HTTP/1.1 ${status} ${reason}\r\n${lines.join('')}\r\n${body}`);
}

function offeredBy(request: IncomingMessage): string[] {
  const header = request.headers['sec-websocket-protocol'] ?? '';
  return header
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}
