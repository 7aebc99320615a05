// A front-end's WebSocket as a channel uses it: writes in the protocol that the front-end speaks, and knows how much of it
// has arrived. relay-channel.ts has one at a time.
import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import { keepAlive } from '../../../agent/channel/keep-alive.ts';
import { fromWire, toWire } from '../../../agent/channel/messages.ts';
import type { Clock } from '../../clock.ts';
import type { RelayTimings } from '../timings.ts';
import { FRONT_END_PINGS } from '../timings.ts';

/** Nothing more is written above, and again below, so much that waits to be sent. */
const HIGH_WATER_BYTES = 4 * 1_048_576;
const LOW_WATER_BYTES = 1_048_576;
/** After so many bytes it is asked to confirm, at the latest. */
const CONFIRM_BYTES = 262_144;
const NUMBER_BYTES = 6;
/** Which channel, how far in it, and how much was told besides. */
const PING_NUMBERS = 3;
const NO_MESSAGE = 1007;
/** A front-end that is there answers the end of its connection within this. */
const HANG_UP_MILLISECONDS = 2_000;

export interface FrontSocketOptions {
  webSocket: WebSocket;
  /** What it runs on. */
  stream: Duplex;
  clock: Clock;
  timings: RelayTimings;
  /** In the v1 form. */
  onMessage: (frame: Buffer) => void;
  /** Everything up to here was handed to the operating system. */
  onWritten: (position: number) => void;
  /** Everything up to here has arrived, and of what was told besides: the front-end has answered a ping behind it. */
  onConfirmed: (position: number, told: number) => void;
  /** It takes more again. */
  onDrained: () => void;
  /** `isGoodbye`: it went on purpose. */
  onClosed: (isGoodbye: boolean) => void;
}

export class FrontSocket {
  readonly #options: FrontSocketOptions;
  /** Counts the channels that it has had: what is confirmed of one that is over says nothing of the present one. */
  #channel = 0;
  #position = 0;
  #told = 0;
  /** For what it was last asked. */
  #asked = '';
  #unaskedBytes = 0;
  #cancelAsk: (() => void) | undefined;
  readonly #stopPings: () => void;
  #isHungUp = false;

  constructor(options: FrontSocketOptions) {
    this.#options = options;
    const { webSocket, clock } = options;
    webSocket.on('message', (data: Buffer, isBinary: boolean) => {
      this.#receive(data, isBinary);
    });
    webSocket.on('pong', (data: Buffer) => {
      this.#confirm(data);
    });
    webSocket.on('error', () => undefined); // `close` follows and is what counts.
    webSocket.once('close', (code) => {
      this.#cancelAsk?.();
      options.onClosed([1000, 1001, 1005].includes(code));
    });
    this.#stopPings = keepAlive(webSocket, clock, FRONT_END_PINGS).stop;
  }

  get isFull(): boolean {
    return this.#isHungUp || this.#options.webSocket.bufferedAmount > HIGH_WATER_BYTES;
  }

  /** A message of the kernel's log. */
  write(position: number, frame: Buffer): void {
    this.#position = position;
    const channel = this.#channel;
    this.#send(frame, () => {
      const { webSocket, onWritten, onDrained } = this.#options;
      if (channel === this.#channel) onWritten(position);
      if (webSocket.bufferedAmount < LOW_WATER_BYTES) onDrained();
    });
    this.#askFor(frame);
  }

  /** A message of the relay's own; with a number, if it is to be confirmed. */
  say(frame: Buffer, number?: number): void {
    this.#send(frame, () => undefined);
    if (number === undefined) return;
    this.#told = number;
    this.#askFor(frame);
  }

  /** What is written from now on is of another channel. */
  beginAnew(): void {
    this.#channel += 1;
    this.#position = 0;
    this.#told = 0;
  }

  pause(): void {
    this.#options.webSocket.pause();
  }

  resume(): void {
    this.#options.webSocket.resume();
  }

  close(code: number): void {
    this.resume();
    this.#options.webSocket.close(code);
  }

  /**
   * Looks to the front-end like a broken connection, after which it connects again. Ended without a goodbye: after one, a
   * page goes on sending until it is answered, into nothing. What it has sent until it notices is read.
   */
  hangUp(): void {
    const { webSocket, stream, clock } = this.#options;
    if (this.#isHungUp) return;
    this.#isHungUp = true;
    this.#stopPings();
    this.resume();
    stream.end();
    const cancel = clock.after(HANG_UP_MILLISECONDS, () => {
      webSocket.terminate();
    });
    webSocket.once('close', cancel);
  }

  #receive(data: Buffer, isBinary: boolean): void {
    const { webSocket, onMessage } = this.#options;
    let frame: Buffer;
    try {
      frame = fromWire(webSocket.protocol, data, isBinary);
    } catch {
      webSocket.close(NO_MESSAGE, 'This is no kernel message.');
      return;
    }
    onMessage(frame);
  }

  #send(frame: Buffer, done: () => void): void {
    const { webSocket } = this.#options;
    if (this.#isHungUp) return;
    const { data, isBinary } = toWire(webSocket.protocol, frame);
    webSocket.send(data, { binary: isBinary, compress: false }, (error) => {
      if (!error) done();
    });
  }

  #askFor(frame: Buffer): void {
    this.#unaskedBytes += frame.length;
    if (this.#unaskedBytes >= CONFIRM_BYTES) {
      this.#ask();
      return;
    }
    const { clock, timings } = this.#options;
    this.#cancelAsk ??= clock.after(timings.confirm, () => {
      this.#ask();
    });
  }

  #ask(): void {
    this.#cancelAsk?.();
    this.#cancelAsk = undefined;
    this.#unaskedBytes = 0;
    const { webSocket } = this.#options;
    const isOpen = !this.#isHungUp && webSocket.readyState === WebSocket.OPEN;
    const numbers = [this.#channel, this.#position, this.#told];
    if (this.#asked === numbers.join() || !isOpen) return;
    this.#asked = numbers.join();
    const payload = Buffer.alloc(PING_NUMBERS * NUMBER_BYTES);
    numbers.forEach((number, index) =>
      payload.writeUIntBE(number, NUMBER_BYTES * index, NUMBER_BYTES),
    );
    webSocket.ping(payload);
  }

  #confirm(pong: Buffer): void {
    if (pong.length !== PING_NUMBERS * NUMBER_BYTES) return;
    const number = (index: number) => pong.readUIntBE(NUMBER_BYTES * index, NUMBER_BYTES);
    if (number(0) === this.#channel) this.#options.onConfirmed(number(1), number(2));
  }
}
