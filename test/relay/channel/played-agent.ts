// An agent that a test plays, with one channel, and front-ends as small as they get: for the tests of the relay's end.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { WebSocket } from 'ws';
import type { ControlFrame, Request } from '../../../agent/channel/frames.ts';
import {
  CHANNEL_SUBPROTOCOL,
  decodeControl,
  decodeRequest,
  deliveryHeader,
  encodeControl,
} from '../../../agent/channel/frames.ts';
import type { Message } from '../../../agent/channel/messages.ts';
import { V1_SUBPROTOCOL, readMessage, writeMessage } from '../../../agent/channel/messages.ts';
import type { Relay, RelayOptions } from '../../../client/relay/relay.ts';
import { until } from '../../helpers/until.ts';
import type { AgentScript } from '../scripted-agent.ts';
import { HEADERS, relayTo } from '../scripted-agent.ts';

export const QUICK = {
  read: 0,
  change: 0,
  create: 0,
  grace: 200,
  hold: 200,
  glimpse: 200,
  firstPause: 20,
};

/** An agent with one channel. */
export class PlayedAgent {
  incarnation = 'i1';
  isAnswering = true;
  /** Ends every connection instead of a welcome. */
  isCutting = false;
  executionState: 'idle' | 'busy' = 'idle';
  /** Of the kernel's messages. */
  session = 'the kernel’s';
  connections = 0;
  acknowledged = 0;
  /** Where deliveries begin in a channel that it does not know. */
  beginning = 0;
  readonly hellos: (ControlFrame & { kind: 'hello' })[] = [];
  readonly requests: Request[] = [];
  #socket: WebSocket | undefined;
  #epoch = 0;
  /** Up to here it has acknowledged requests. */
  #kept = 0;

  async relay(
    t: TestContext,
    options: Partial<RelayOptions> = {},
    more: AgentScript = {}, // may be changed later
  ): Promise<Relay> {
    const script = Object.assign(more, {
      protocol: CHANNEL_SUBPROTOCOL,
      onSocket: (socket: WebSocket) => {
        this.#use(socket);
      },
    });
    return await relayTo(t, script, { timings: QUICK, ...options });
  }

  async gets(count: number): Promise<void> {
    await until(`${count} requests`, () => this.requests.length >= count);
  }

  deliver(sequence: number, text: string): void {
    this.deliverAs(sequence, 'stream', { name: 'stdout', text });
  }

  deliverAs(sequence: number, type: string, content: object, parent = { msg_id: 'a-cell' }): void {
    const header = { msg_id: randomUUID(), msg_type: type, session: this.session };
    const message = writeMessage({ channel: 'iopub', header, parent, content });
    this.#socket?.send(Buffer.concat([deliveryHeader(sequence), message]));
  }

  say(frame: ControlFrame): void {
    if (frame.kind === 'ack') this.#kept = frame.upTo;
    this.#socket?.send(encodeControl(frame));
  }

  cut(code?: number): void {
    if (code === undefined) this.#socket?.terminate();
    else this.#socket?.close(code);
  }

  #use(socket: WebSocket): void {
    this.connections += 1;
    this.#socket = socket;
    socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) this.requests.push(decodeRequest(Buffer.from(data)));
      else this.#hear(decodeControl(data.toString()));
    });
  }

  #hear(frame: ControlFrame): void {
    if (frame.kind === 'ack') this.acknowledged = frame.upTo;
    if (frame.kind === 'hello' && this.isCutting) this.cut();
    if (frame.kind !== 'hello' || !this.isAnswering || this.isCutting) return;
    this.hellos.push(frame);
    const isResumed = frame.channel?.incarnation === this.incarnation;
    this.#epoch += isResumed ? 1 : 1 - this.#epoch;
    if (!isResumed) this.#kept = 0;
    this.say({
      ...{ kind: 'welcome', isResumed },
      ...{ executionState: this.executionState, session: this.session },
      channel: { incarnation: this.incarnation, epoch: this.#epoch },
      received: this.#kept,
      delivered: isResumed ? frame.received : this.beginning,
    });
  }
}

export function request(id: string, channel = 'shell', type = 'execute_request'): Buffer {
  return writeMessage({ channel, header: { msg_id: id, msg_type: type }, content: {} });
}

/** What comes, without what the relay itself says of the kernel's state: `states` has that. */
export function collect(front: WebSocket, states: string[] = []): Message[] {
  const got: Message[] = [];
  front.on('message', (data: Buffer) => {
    const message = readMessage(data);
    if (message.header.msg_type !== 'status') got.push(message);
    else states.push((message.content() as { execution_state: string }).execution_state);
  });
  return got;
}

export function wordsOf(message: Message | undefined): string {
  return (message?.content() as { text: string }).text;
}

export async function openFront(
  t: TestContext,
  relay: Relay,
  options: { autoPong?: boolean } = {},
  protocols = [V1_SUBPROTOCOL],
  session: string = randomUUID(),
): Promise<WebSocket> {
  const front = startFront(t, relay, session, protocols, options);
  await once(front, 'open');
  return front;
}

interface Both {
  front: WebSocket;
  got: Message[];
  states: string[];
  /** Of everything that came. */
  sessions: (string | undefined)[];
  pings: () => number;
}

/** With what comes together with the handshake's answer. */
export async function openBoth(t: TestContext, relay: Relay, session: string): Promise<Both> {
  const front = startFront(t, relay, session);
  const states: string[] = [];
  const got = collect(front, states);
  const sessions: (string | undefined)[] = [];
  front.on('message', (data: Buffer) => sessions.push(readMessage(data).header.session));
  let pings = 0;
  front.on('ping', () => (pings += 1));
  await once(front, 'open');
  return { front, got, states, sessions, pings: () => pings };
}

/** The status that a handshake is answered with. */
export async function handshake(t: TestContext, relay: Relay, session: string): Promise<number> {
  const front = startFront(t, relay, session);
  return await new Promise((resolve) => {
    front.once('open', () => {
      resolve(101);
    });
    front.once('unexpected-response', (_request, response) => {
      resolve(response.statusCode ?? 0);
    });
  });
}

function startFront(
  t: TestContext,
  relay: Relay,
  session: string,
  protocols = [V1_SUBPROTOCOL],
  options: { autoPong?: boolean } = {},
): WebSocket {
  const url = `${relay.origin.replace('http', 'ws')}/api/kernels/k1/channels?session_id=${session}`;
  const front = new WebSocket(url, protocols, { headers: HEADERS, ...options });
  t.after(() => {
    front.terminate();
  });
  front.on('error', () => undefined);
  return front;
}
