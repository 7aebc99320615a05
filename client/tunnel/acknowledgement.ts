// The receiving half of a tunnel's accounting: when to tell the relay how much has arrived.
// stream.ts reports what came in; a later reconnect will need the count, too.
import { WebSocket } from 'ws';
import type { Clock } from '../clock.ts';
import { encodeFrame } from './frames.ts';

/** Acknowledge after this many bytes, or after this time: what the protocol asks for. */
const ACK_BYTES = 32_768;
const ACK_MILLISECONDS = 2_000;

export class Acknowledgement {
  readonly #relay: WebSocket;
  readonly #clock: Clock;
  #receivedBytes = 0;
  #acknowledgedBytes = 0;
  #isQueued = false;
  #cancelTimer: (() => void) | undefined;

  constructor(relay: WebSocket, clock: Clock) {
    this.#relay = relay;
    this.#clock = clock;
  }

  received(bytes: number): void {
    this.#receivedBytes += bytes;
    if (this.#isQueued) return;
    if (this.#receivedBytes - this.#acknowledgedBytes >= ACK_BYTES) this.#queue();
    else
      this.#cancelTimer ??= this.#clock.after(ACK_MILLISECONDS, () => {
        this.send();
      });
  }

  send(): void {
    this.stop();
    if (this.#acknowledgedBytes === this.#receivedBytes) return;
    if (this.#relay.readyState !== WebSocket.OPEN) return;
    this.#acknowledgedBytes = this.#receivedBytes;
    this.#relay.send(encodeFrame({ kind: 'ack', bytes: this.#receivedBytes }));
  }

  stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  /** One acknowledgement for all frames of one read from the network, not one for every second frame. */
  #queue(): void {
    this.#isQueued = true;
    process.nextTick(() => {
      this.#isQueued = false;
      this.send();
    });
  }
}
