// The agent's end of a relay's channel: greetings, then the kernel's log one way and requests into it the other.
// channels.ts hands it every WebSocket of a relay; kernel-host.ts has the log.
import type { WebSocket } from 'ws';
import type { ControlFrame } from './channel/frames.ts';
import {
  CLOSE,
  ChannelFrameError,
  decodeControl,
  decodeRequest,
  deliveryHeader,
  encodeControl,
} from './channel/frames.ts';
import { Link } from './channel/link.ts';
import { MessageError } from './channel/messages.ts';
import { sendInParts } from './channel/parts.ts';
import type { Clock } from './clock.ts';
import { Delivery } from './delivery.ts';
import type { FrontEnd } from './front-ends.ts';
import type { KernelHost } from './kernel-host.ts';
import type { LogRecord } from './kernel-log/kernel-log.ts';
import type { Log } from './log.ts';
import { reasonOf } from './log.ts';
import { assertNever } from './assert-never.ts';

/** Requests are acknowledged at the latest after this. */
const ACK_MILLISECONDS = 50;
const GOING_AWAY = 1001;
const TRY_AGAIN = 1013;

export interface ChannelEndOptions {
  key: string;
  webSocket: WebSocket;
  /** The system has taken a part of a large message. */
  onTaken: () => void;
  host: KernelHost;
  clock: Pick<Clock, 'after'>;
  log: Log;
}

export class ChannelEnd implements FrontEnd {
  readonly key: string;
  readonly #options: ChannelEndOptions;
  readonly #link = new Link({ received: 0, delivered: 0 });
  #delivery: Delivery | undefined;
  #isConfirmed = false;
  #isGone = false;
  #stopAck: (() => void) | undefined;

  constructor(options: ChannelEndOptions) {
    this.#options = options;
    this.key = options.key;
    const { webSocket, host } = options;
    webSocket.on('message', (data: Buffer, isBinary: boolean) => {
      this.#receive(data, isBinary);
    });
    webSocket.on('error', () => undefined); // `close` follows and is what counts.
    webSocket.once('close', () => {
      this.#stopAck?.();
      this.#link.disconnected();
      host.detach(this, this.#isGone);
    });
  }

  get delivered(): number {
    return this.#link.confirmed;
  }

  appended(record: LogRecord): void {
    this.#delivery?.appended(record);
  }

  dead(reason: string): void {
    this.#say({ kind: 'dead', reason });
    this.#options.webSocket.close(1000);
  }

  superseded(): void {
    this.#options.webSocket.close(CLOSE.superseded);
  }

  close(): void {
    this.#acknowledge();
    this.#options.webSocket.close(GOING_AWAY);
  }

  #receive(data: Buffer, isBinary: boolean): void {
    const { webSocket, log } = this.#options;
    // What arrives after our own goodbye belongs to another connection by now.
    if (webSocket.readyState !== webSocket.OPEN) return;
    try {
      if (isBinary) this.#request(data);
      else this.#control(decodeControl(data.toString()));
    } catch (error) {
      log.error('channel broken off', { reason: reasonOf(error) });
      const isTheirs = error instanceof ChannelFrameError || error instanceof MessageError;
      webSocket.close(isTheirs ? CLOSE.protocol : TRY_AGAIN);
    }
  }

  #control(frame: ControlFrame): void {
    if (frame.kind === 'hello') {
      this.#greet(frame);
      return;
    }
    this.#confirm();
    switch (frame.kind) {
      case 'ack':
        this.#link.acknowledged(frame.upTo);
        this.#options.host.forget();
        this.#delivery?.more();
        return;
      case 'bye':
        this.#isGone = true;
        this.#options.webSocket.close(1000);
        return;
      case 'welcome':
      case 'dead':
        return;
      default:
        assertNever(frame);
    }
  }

  #greet(hello: ControlFrame & { kind: 'hello' }): void {
    const { host, key } = this.#options;
    const welcome = host.greet(key, hello);
    const theirs = welcome.isResumed
      ? { received: hello.received, delivered: hello.delivered }
      : { received: welcome.delivered, delivered: welcome.delivered };
    this.#link.beginAnew(welcome.received);
    this.#link.connected(theirs);
    this.#delivery = new Delivery({
      ...{ key, log: host.kernelLog, position: welcome.delivered },
      mayTake: () => this.#link.maySend,
      take: (sequence, message) => {
        this.#deliver(sequence, message);
      },
      skipped: (sequence) => {
        this.#link.skip(sequence);
      },
      // In another channel the relay tells its front-end which requests have lost their answer.
      lost: () => {
        this.#options.webSocket.close(TRY_AGAIN);
      },
    });
    this.#say(welcome);
    host.attach(this);
    this.#delivery.more();
  }

  #request(data: Buffer): void {
    const { sequence, seen, waitedMilliseconds, message } = decodeRequest(data);
    this.#confirm();
    if (sequence > 0 && !this.#link.arrived(sequence)) return;
    const { host, key } = this.#options;
    host.request({ channel: key, number: sequence, seen, waitedMilliseconds }, message);
    if (sequence === 0) return;
    this.#link.deliver(sequence, message.length);
    this.#stopAck ??= this.#options.clock.after(ACK_MILLISECONDS, () => {
      this.#acknowledge();
    });
  }

  #acknowledge(): void {
    this.#stopAck?.();
    this.#stopAck = undefined;
    const upTo = this.#link.dueAcknowledgement(true);
    if (upTo !== undefined) this.#say({ kind: 'ack', upTo });
  }

  #deliver(sequence: number, message: Buffer): void {
    const { webSocket, onTaken } = this.#options;
    const header = deliveryHeader(sequence);
    this.#link.send(sequence, header.length + message.length);
    sendInParts(webSocket, [header, message], onTaken);
  }

  #confirm(): void {
    if (this.#isConfirmed) return;
    this.#isConfirmed = true;
    this.#options.host.confirm(this.key);
  }

  #say(frame: ControlFrame): void {
    this.#options.webSocket.send(encodeControl(frame), { compress: false });
  }
}
