// The channels of a relay: which front-end's WebSocket belongs to which, and who is let in while there is no way to the
// agent. sockets.ts hands it the WebSockets of kernels; relay-channel.ts is one channel.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { MAX_FRAME_BYTES } from '../../../agent/channel/frames.ts';
import { V1_SUBPROTOCOL } from '../../../agent/channel/messages.ts';
import type { Clock } from '../../clock.ts';
import type { AgentLink } from '../agent-link.ts';
import { refuseUpgrade } from '../replies.ts';
import { splitUrl } from '../url.ts';
import type { ChannelName } from './channel-store.ts';
import { ChannelStore, anonymous, isAnonymous, storedChannels } from './channel-store.ts';
import type { FrontSocketOptions } from './front-socket.ts';
import { FrontSocket } from './front-socket.ts';
import { RelayChannel } from './relay-channel.ts';
import type { RelayTimings } from '../timings.ts';

/** JupyterLab gives up after seven refusals in a row; each time that it is let in it counts anew. */
const REFUSALS = 3;

export interface ChannelsOptions {
  /** Where channels are kept; nobody else may use it meanwhile. */
  channelsDir: string;
  agent: AgentLink;
  clock: Clock;
  now: () => number;
  random: () => number;
  timings: RelayTimings;
}

export class Channels {
  readonly #options: ChannelsOptions;
  readonly #channels = new Map<string, RelayChannel>();
  readonly #refusals = new Map<string, number>();
  readonly #positions = new Map<string, number>();
  readonly #waiting = new Set<() => void>();
  readonly #server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: MAX_FRAME_BYTES,
    skipUTF8Validation: true,
    handleProtocols: (offered) => (offered.has(V1_SUBPROTOCOL) ? V1_SUBPROTOCOL : false),
  });

  /** What an earlier relay could not deliver is delivered now. */
  constructor(options: ChannelsOptions) {
    this.#options = options;
    for (const name of storedChannels(options.channelsDir, options.now())) {
      const store = new ChannelStore(options.channelsDir, name);
      if (!store.outbox.isEmpty) {
        const channel = this.#make(name, store);
        if (isAnonymous(name)) channel.abandon();
      } else if (isAnonymous(name)) store.remove();
      else store.close();
    }
  }

  /** A front-end of this relay knows by another way what has happened to a kernel up to there. */
  learn(kernelId: string, position: number): void {
    this.#positions.set(kernelId, Math.max(position, this.#positions.get(kernelId) ?? 0));
  }

  async accept(
    request: IncomingMessage,
    stream: Duplex,
    head: Buffer,
    kernelId: string,
  ): Promise<void> {
    const name = nameOf(kernelId, request.url ?? '');
    const channel = this.#channels.get(keyOf(name)) ?? this.#make(name);
    if (channel.state === 'down') await this.#untilKnown(channel, stream);
    const isLetIn = !stream.destroyed && this.#isLetIn(name, channel, request);
    if (isLetIn) this.#join(name, request, stream, head);
    else if (isAnonymous(name)) channel.abandon();
    if (isLetIn || stream.destroyed) return;
    if (channel.state === 'unknown') refuseUpgrade(stream, 404, 'There is no such kernel.');
    else refuseUpgrade(stream, 503, this.#options.agent.downMessage);
  }

  /** Hangs up on every front-end, which looks for the next relay then; what is on disk stays. */
  close(): void {
    for (const channel of [...this.#channels.values()]) channel.close();
    this.#server.close();
  }

  #make(name: ChannelName, store?: ChannelStore): RelayChannel {
    const key = keyOf(name);
    const { channelsDir, agent, clock, now, random, timings } = this.#options;
    const channel: RelayChannel = new RelayChannel({
      ...{ agent, clock, now, random, timings },
      store: store ?? new ChannelStore(channelsDir, name),
      knownPosition: () => this.#positions.get(name.kernelId) ?? 0,
      onOver: () => {
        if (this.#channels.get(key) === channel) this.#channels.delete(key);
      },
      onStateChanged: () => {
        for (const callback of [...this.#waiting]) callback();
      },
    });
    this.#channels.set(key, channel);
    return channel;
  }

  /** Until the agent has said something of the kernel, or a front-end would lose its patience. */
  async #untilKnown(channel: RelayChannel, stream: Duplex): Promise<void> {
    await new Promise<void>((resolve) => {
      const end = () => {
        this.#waiting.delete(look);
        cancel();
        stream.off('close', end);
        resolve();
      };
      const look = () => {
        if (channel.state !== 'down') end();
      };
      const cancel = this.#options.clock.after(this.#options.timings.hold, end);
      this.#waiting.add(look);
      stream.once('close', end);
    });
  }

  /** A front-end that knows its kernel must not give up, however long the way is down. */
  #isLetIn(name: ChannelName, channel: RelayChannel, request: IncomingMessage): boolean {
    if (channel.state !== 'down') return channel.state === 'up';
    if (isAnonymous(name)) return false;
    const refusals = this.#refusals.get(keyOf(name)) ?? 0;
    const isLetIn = channel.isKnown && refusals >= (isClassic(request) ? 0 : REFUSALS);
    this.#refusals.set(keyOf(name), isLetIn ? 0 : refusals + 1);
    return isLetIn;
  }

  #join(name: ChannelName, request: IncomingMessage, stream: Duplex, head: Buffer): void {
    this.#server.handleUpgrade(request, stream, head, (webSocket) => {
      const channel = this.#channels.get(keyOf(name)) ?? this.#make(name);
      if (channel.state === 'up') this.#refusals.delete(keyOf(name));
      const { clock, timings } = this.#options;
      attach(channel, { webSocket, stream, clock, timings });
    });
  }
}

/** The classic notebook offers no protocol. At its first refusal it covers its page with a dialog. */
function isClassic(request: IncomingMessage): boolean {
  return request.headers['sec-websocket-protocol'] === undefined;
}

function attach(
  channel: RelayChannel,
  socket: Pick<FrontSocketOptions, 'webSocket' | 'stream' | 'clock' | 'timings'>,
): void {
  const front: FrontSocket = new FrontSocket({
    ...socket,
    onMessage: (frame) => {
      channel.request(front, frame);
    },
    onWritten: (position) => {
      channel.wrote(front, position);
    },
    onConfirmed: (position, told) => {
      channel.confirmed(front, position, told);
    },
    onDrained: () => {
      channel.drained(front);
    },
    onClosed: (isGoodbye) => {
      channel.detach(front, isGoodbye);
    },
  });
  channel.attach(front);
}

function nameOf(kernelId: string, url: string): ChannelName {
  const session = splitUrl(url).query.get('session_id') ?? '';
  return session === '' ? anonymous(kernelId) : { kernelId, session };
}

function keyOf({ kernelId, session }: ChannelName): string {
  return `${kernelId}/${session}`;
}
