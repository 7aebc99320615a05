// A relay as small as it gets, for the agent's tests: one channel that can be cut and connected again, with what a relay
// keeps (its outbox, its cursor, its channel's name) in memory.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { Message } from '../../agent/channel/messages.ts';
import { readMessage, writeMessage } from '../../agent/channel/messages.ts';
import type { Welcome } from '../../agent/channel/frames.ts';
import {
  CHANNEL_SUBPROTOCOL,
  decodeControl,
  decodeDelivery,
  encodeControl,
  encodeRequest,
} from '../../agent/channel/frames.ts';
import { until } from '../helpers/until.ts';
import { ACCESS_TOKEN } from './api-server.ts';

export class RelayClient {
  readonly session = randomUUID();
  readonly messages: Message[] = [];
  /** What is not acknowledged. */
  readonly outbox = new Map<number, Buffer>();
  /** What the agent said last. */
  welcome: Welcome | undefined;
  deadReason: string | undefined;
  received = 0;
  webSocket: WebSocket | undefined;
  readonly #url: string;
  #channel: { incarnation: string; epoch: number } | undefined;
  #sent = 0;

  constructor(agentUrl: string, kernelId: string) {
    const url = `${agentUrl.replace('http', 'ws')}/api/kernels/${kernelId}/channels`;
    this.#url = `${url}?session_id=${this.session}`;
  }

  async connect(): Promise<void> {
    const webSocket = new WebSocket(this.#url, CHANNEL_SUBPROTOCOL, {
      headers: { Authorization: `Bearer ${ACCESS_TOKEN}` },
    });
    this.webSocket = webSocket;
    this.welcome = undefined;
    webSocket.on('error', () => undefined);
    webSocket.on('message', (data: Buffer, isBinary: boolean) => {
      if (isBinary) this.#deliver(data);
      else this.#control(data.toString());
    });
    await once(webSocket, 'open');
    const { received } = this;
    const channel = this.#channel && { channel: this.#channel };
    webSocket.send(encodeControl({ kind: 'hello', ...channel, received, delivered: received }));
    await until('the agent’s welcome', () => this.welcome);
  }

  cut(): void {
    this.webSocket?.terminate();
  }

  /** Its message id; kept until it is acknowledged. */
  send(type: string, content: object, options: { seen?: number; waited?: number } = {}): string {
    const id = randomUUID();
    this.#sent += 1;
    const message = writeMessage({
      channel: 'shell',
      header: { msg_id: id, msg_type: type, session: this.session, version: '5.3' },
      content,
    });
    const seen = options.seen ?? this.received;
    const waitedMilliseconds = options.waited ?? 0;
    const frame = encodeRequest({ sequence: this.#sent, seen, waitedMilliseconds, message });
    this.outbox.set(this.#sent, frame);
    if (this.welcome && this.webSocket?.readyState === WebSocket.OPEN) this.webSocket.send(frame);
    return id;
  }

  execute(code: string, options?: { seen?: number; waited?: number }): string {
    const flags = { silent: false, store_history: true, allow_stdin: true, stop_on_error: true };
    return this.send('execute_request', { code, user_expressions: {}, ...flags }, options);
  }

  /** The content of the reply to a request. */
  async reply(id: string): Promise<Record<string, unknown>> {
    const isReply = ({ header, parent }: Message) =>
      parent.msg_id === id && header.msg_type.endsWith('_reply');
    const found = await until(`reply to ${id}`, () => this.messages.find(isReply), 30);
    return found.content();
  }

  /** The kernel is idle again after it; what it has printed has come. */
  hasEnded(id: string): boolean {
    return this.messages.some(
      (message) =>
        message.parent.msg_id === id &&
        message.header.msg_type === 'status' &&
        (message.content() as { execution_state: string }).execution_state === 'idle',
    );
  }

  textOf(id: string): string {
    const isText = ({ header, parent }: Message) =>
      parent.msg_id === id && header.msg_type === 'stream';
    return this.messages
      .filter(isText)
      .map((message) => (message.content() as { text: string }).text)
      .join('');
  }

  #control(text: string): void {
    const frame = decodeControl(text);
    if (frame.kind === 'dead') this.deadReason = frame.reason;
    if (frame.kind === 'ack') this.#forget(frame.upTo);
    if (frame.kind !== 'welcome') return;
    this.welcome = frame;
    this.#channel = frame.channel;
    if (!frame.isResumed) this.received = frame.delivered;
    this.#forget(frame.received);
    for (const request of this.outbox.values()) this.webSocket?.send(request);
  }

  #deliver(data: Buffer): void {
    const { sequence, message } = decodeDelivery(data);
    if (sequence <= this.received) throw new Error('delivered twice');
    this.received = sequence;
    this.messages.push(readMessage(message));
    this.webSocket?.send(encodeControl({ kind: 'ack', upTo: sequence }));
  }

  #forget(upTo: number): void {
    for (const sequence of this.outbox.keys()) if (sequence <= upTo) this.outbox.delete(sequence);
  }
}
