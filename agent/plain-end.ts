// A Jupyter front-end that talks to the agent without a relay: what it misses it does not get again. channels.ts hands it
// its WebSocket; kernel-host.ts has the log.
import type { WebSocket } from 'ws';
import { MessageError, fromWire, toWire } from './channel/messages.ts';
import { Delivery } from './delivery.ts';
import type { FrontEnd } from './front-ends.ts';
import type { KernelHost } from './kernel-host.ts';
import type { LogRecord } from './kernel-log/kernel-log.ts';
import type { Log } from './log.ts';
import { reasonOf } from './log.ts';

/** Nothing more is sent above, and again below, so much that waits to be sent. */
const HIGH_BYTES = 4 * 1_048_576;
const LOW_BYTES = 1_048_576;
const GOING_AWAY = 1001;
const NO_MESSAGE = 1007;
const TRY_AGAIN = 1013;

export interface PlainEndOptions {
  key: string;
  webSocket: WebSocket;
  host: KernelHost;
  log: Log;
}

export class PlainEnd implements FrontEnd {
  readonly key: string;
  readonly #options: PlainEndOptions;
  readonly #delivery: Delivery;
  #delivered: number;

  constructor(options: PlainEndOptions) {
    this.#options = options;
    this.key = options.key;
    const { webSocket, host, key } = options;
    this.#delivered = host.admit(key);
    this.#delivery = new Delivery({
      ...{ key, log: host.kernelLog, position: this.#delivered },
      mayTake: () => webSocket.bufferedAmount < HIGH_BYTES,
      take: (sequence, message) => {
        this.#deliver(sequence, message);
      },
      skipped: (sequence) => {
        this.#delivered = sequence;
      },
      lost: () => {
        webSocket.close(TRY_AGAIN);
      },
    });
    webSocket.on('message', (data: Buffer, isBinary: boolean) => {
      this.#request(data, isBinary);
    });
    webSocket.on('error', () => undefined); // `close` follows and is what counts.
    webSocket.once('close', () => {
      host.detach(this, true);
    });
    host.attach(this);
  }

  get delivered(): number {
    return this.#delivered;
  }

  appended(record: LogRecord): void {
    this.#delivery.appended(record);
  }

  dead(): void {
    this.#options.webSocket.close(1000);
  }

  superseded(): void {
    this.#options.webSocket.close(1000);
  }

  close(): void {
    this.#options.webSocket.close(GOING_AWAY);
  }

  #request(data: Buffer, isBinary: boolean): void {
    const { webSocket, host, key, log } = this.#options;
    try {
      const frame = fromWire(webSocket.protocol, data, isBinary);
      // It does not say what it has had. As in Jupyter, what it sends counts from when it comes.
      const seen = host.kernelLog.head;
      host.request({ channel: key, number: 0, seen, waitedMilliseconds: 0 }, frame);
    } catch (error) {
      log.error('front-end broken off', { reason: reasonOf(error) });
      const isTheirs = error instanceof MessageError;
      webSocket.close(isTheirs ? NO_MESSAGE : TRY_AGAIN);
    }
  }

  #deliver(sequence: number, message: Buffer): void {
    const { webSocket } = this.#options;
    const { data, isBinary } = toWire(webSocket.protocol, message);
    this.#delivered = sequence;
    webSocket.send(data, { binary: isBinary, compress: false }, () => {
      if (webSocket.bufferedAmount < LOW_BYTES) this.#delivery.more();
    });
  }
}
