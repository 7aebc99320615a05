// The sending half of a tunnel: cuts what is written into data frames and holds it back while too much is on the way.
// stream.ts hands it writes and the relay's acknowledgements.
import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import { DATA_HEADER_BYTES, MAX_DATA_BYTES, allocateDataFrame } from './frames.ts';
import { UnconfirmedQueue } from './unconfirmed.ts';

/** 16 MiB on the way fill 1 Gbit/s at a round trip of 130 ms; it also bounds what a reconnect has to send again. */
const MAX_UNCONFIRMED_BYTES = 16 * 1_048_576;
/** What may wait in the WebSocket: enough to fill the kernel's buffer in one go. */
const MAX_BUFFERED_BYTES = 1_048_576;

export class Outgoing {
  readonly #relay: WebSocket;
  readonly #unconfirmed = new UnconfirmedQueue();
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #done: (() => void) | undefined;
  /** The relay's own socket, corked while several frames are written, which makes them one system call. */
  #carrier: Socket | undefined;

  constructor(relay: WebSocket) {
    this.#relay = relay;
    relay.once('upgrade', (response) => {
      this.#carrier = response.socket;
    });
  }

  /** Calls `done` when all of it has been given to the WebSocket. One write at a time, as a stream's `_write`. */
  write(chunks: Buffer[], done: () => void): void {
    this.#pending = chunks;
    this.#pendingBytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    this.#done = done;
    this.#pump();
  }

  /** @throws FrameError when the count cannot be right. */
  confirm(total: number): void {
    this.#unconfirmed.confirm(total);
    this.#pump();
  }

  /** The connection has ended: what is waiting will not be sent. */
  drop(): void {
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#finish();
  }

  /** Sends what may be sent now; acknowledgements and the emptying WebSocket call it again. */
  #pump(): void {
    if (this.#done === undefined || this.#relay.readyState !== WebSocket.OPEN) return;
    this.#carrier?.cork();
    while (this.#pendingBytes > 0 && this.#maySend()) this.#sendFrame();
    this.#carrier?.uncork();
    if (this.#pendingBytes === 0) this.#finish();
  }

  #maySend(): boolean {
    return (
      this.#unconfirmed.bytes < MAX_UNCONFIRMED_BYTES &&
      this.#relay.bufferedAmount < MAX_BUFFERED_BYTES
    );
  }

  #sendFrame(): void {
    const frame = this.#takeFrame();
    this.#unconfirmed.append(frame.subarray(DATA_HEADER_BYTES));
    this.#relay.send(frame, () => {
      this.#pump();
    });
  }

  #takeFrame(): Buffer {
    const size = Math.min(this.#pendingBytes, MAX_DATA_BYTES);
    const frame = allocateDataFrame(size);
    let filled = 0;
    let chunk = this.#pending.shift();
    while (chunk !== undefined) {
      const taken = chunk.copy(frame, DATA_HEADER_BYTES + filled);
      filled += taken;
      if (taken < chunk.length) {
        this.#pending.unshift(chunk.subarray(taken));
        break;
      }
      chunk = this.#pending.shift();
    }
    this.#pendingBytes -= size;
    return frame;
  }

  #finish(): void {
    const done = this.#done;
    this.#done = undefined;
    // Not at once: so what else is written in this turn comes as one write, in full frames.
    if (done) process.nextTick(done);
  }
}
