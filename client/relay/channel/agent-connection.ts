// The connection of one channel to the agent, made again as often as it breaks: at once, then with growing pauses, and at
// once again when something tells that the way is back. relay-channel.ts says hello on each.
import type { WebSocket } from 'ws';
import { CHANNEL_SUBPROTOCOL, MAX_FRAME_BYTES } from '../../../agent/channel/frames.ts';
import type { KeepAlive } from '../../../agent/channel/keep-alive.ts';
import { keepAlive } from '../../../agent/channel/keep-alive.ts';
import { sendInParts } from '../../../agent/channel/parts.ts';
import type { Clock } from '../../clock.ts';
import type { AgentLink } from '../agent-link.ts';
import { toAgentHeaders, toSocketHeaders } from '../headers.ts';
import type { UpstreamSocket } from '../upstream-socket.ts';
import { HandshakeRefusedError, openUpstreamSocket } from '../upstream-socket.ts';
import type { ChannelName } from './channel-store.ts';
import type { RelayTimings } from '../timings.ts';

const MAX_SILENT_PINGS = 2;

/** It chose none of the protocols that it was offered. */
const FOREIGN_AGENT =
  'The agent on the session’s machine does not speak this client’s protocol for kernels ' +
  `(${CHANNEL_SUBPROTOCOL}): most likely it is older. Start the session anew, so that it takes the present gateway image: ` +
  'datalab-client stop, then datalab-client start. If that does not help, have the image built: ' +
  'datalab-client image build --force; or update this client, if it is the older of both.';

class ForeignAgentError extends Error {
  override name = 'ForeignAgentError';
}

export interface AgentConnectionOptions {
  name: ChannelName;
  agent: AgentLink;
  clock: Clock;
  timings: RelayTimings;
  /** 0 to 1; spreads the tries of many channels. */
  random: () => number;
  /** The WebSocket is open; nothing was said on it. */
  onOpen: () => void;
  onText: (text: string) => void;
  onData: (data: Buffer) => void;
  onLost: (code: number) => void;
  /** The agent knows no such kernel. */
  onUnknown: () => void;
}

export class AgentConnection {
  readonly #options: AgentConnectionOptions;
  readonly #stopListening: () => void;
  #webSocket: WebSocket | undefined;
  #pings: KeepAlive | undefined;
  #isOpening = false;
  /** The agent has answered on the present WebSocket. */
  #isProven = false;
  readonly #end = new AbortController();
  #pause: number;
  #cancelRetry: (() => void) | undefined;
  #cancelGreeting: (() => void) | undefined;
  #cancels: (() => void)[] = [];

  /** Connects at once, and from then on until `end`. */
  constructor(options: AgentConnectionOptions) {
    this.#options = options;
    this.#pause = options.timings.firstPause;
    this.#stopListening = options.agent.whenUp(() => {
      if (this.#cancelRetry) void this.#open();
    });
    void this.#open();
  }

  send(data: Buffer | string): void {
    const webSocket = this.#webSocket;
    if (typeof data === 'string') webSocket?.send(data, { compress: false });
    else if (webSocket) sendInParts(webSocket, [data], () => this.#pings?.taken());
  }

  /** The agent has answered as it should: the next pause is short again. */
  proven(): void {
    this.#isProven = true;
    this.#pause = this.#options.timings.firstPause;
    this.#cancelGreeting?.();
    this.#options.agent.reportUp();
  }

  /** Breaks it, to make another one. */
  breakOff(): void {
    this.#webSocket?.terminate();
  }

  end(): void {
    this.#end.abort();
    this.#stopListening();
    this.#cancelRetry?.();
    this.#webSocket?.close(1000);
    this.#forgetSocket();
  }

  async #open(): Promise<void> {
    if (this.#isOpening || this.#webSocket || this.#isEnded) return;
    this.#isOpening = true;
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    try {
      this.#use(await this.#handshake());
    } catch (error) {
      const isUnknown = error instanceof HandshakeRefusedError && error.status === 404;
      if (isUnknown) this.#options.onUnknown();
      else if (error instanceof ForeignAgentError) this.#foreign(error.message);
      else this.#failed();
    } finally {
      this.#isOpening = false;
    }
  }

  async #handshake(): Promise<UpstreamSocket> {
    const { name, agent, clock, timings } = this.#options;
    const session = encodeURIComponent(name.session);
    const upstream = await openUpstreamSocket({
      openStream: () => agent.openStream(),
      path: `/api/kernels/${name.kernelId}/channels?session_id=${session}`,
      headers: toSocketHeaders(toAgentHeaders([], agent.accessToken)),
      protocols: [CHANNEL_SUBPROTOCOL],
      clock,
      signal: this.#end.signal,
      handshakeMilliseconds: timings.greeting,
      maxPayload: MAX_FRAME_BYTES,
    });
    if (upstream.protocol === CHANNEL_SUBPROTOCOL) return upstream;
    upstream.socket.terminate();
    throw new ForeignAgentError(FOREIGN_AGENT);
  }

  #use({ socket: webSocket, stream }: UpstreamSocket): void {
    webSocket.on('error', () => undefined); // `close` follows and is what counts.
    if (this.#isEnded) {
      webSocket.terminate();
      return;
    }
    const { clock, timings, onText, onData, onOpen } = this.#options;
    this.#webSocket = webSocket;
    this.#isProven = false;
    webSocket.on('message', (data: Buffer, isBinary: boolean) => {
      if (webSocket !== this.#webSocket) return;
      if (isBinary) onData(data);
      else onText(data.toString());
    });
    webSocket.once('close', (code) => {
      if (webSocket === this.#webSocket) this.#lost(code);
    });
    const pings = { milliseconds: timings.ping, maxSilent: MAX_SILENT_PINGS, stream };
    this.#pings = keepAlive(webSocket, clock, pings);
    this.#cancelGreeting = clock.after(timings.greeting, () => {
      webSocket.terminate();
    });
    this.#cancels.push(this.#cancelGreeting);
    webSocket.resume();
    onOpen();
  }

  #lost(code: number): void {
    this.#forgetSocket();
    this.#options.onLost(code);
    if (this.#isEnded) return;
    // The first try comes at once: most cuts are over when they are noticed.
    if (this.#isProven) this.#retry(0);
    else this.#failed();
  }

  /** It is there and will be no other for a while. */
  #foreign(words: string): void {
    if (!this.#isEnded) this.#options.agent.reportTrouble(words);
    this.#pause = this.#options.timings.longestPause;
    this.#retry();
  }

  /** Nobody was reached, or nobody who greets. */
  #failed(): void {
    if (!this.#isEnded) this.#options.agent.reportDown();
    this.#retry();
  }

  #retry(pause = this.#pause * (0.5 + this.#options.random() / 2)): void {
    if (this.#isEnded) return;
    const { clock, timings } = this.#options;
    this.#pause = Math.min(this.#pause * 2, timings.longestPause);
    this.#cancelRetry = clock.after(pause, () => void this.#open());
  }

  get #isEnded(): boolean {
    return this.#end.signal.aborted;
  }

  #forgetSocket(): void {
    for (const cancel of this.#cancels) cancel();
    this.#cancels = [];
    this.#pings?.stop();
    this.#webSocket = undefined;
  }
}
