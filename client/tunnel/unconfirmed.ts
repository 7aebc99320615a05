// What was sent through a tunnel and not confirmed yet: the sender's half of the accounting in stream.ts.
// It keeps the bytes in order, so that a reconnect can send them again (frame by frame, `remaining`).
import { FrameError } from './frames.ts';

export class UnconfirmedQueue {
  readonly #chunks: Buffer[] = [];
  #sentBytes = 0;
  #confirmedBytes = 0;

  get bytes(): number {
    return this.#sentBytes - this.#confirmedBytes;
  }

  append(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#sentBytes += chunk.length;
  }

  /**
   * Forgets what has arrived. `total` counts from the tunnel's beginning.
   * @throws FrameError when it decreases or confirms what was never sent: both ends have lost count, nothing can be saved.
   */
  confirm(total: number): void {
    if (total < this.#confirmedBytes) {
      throw new FrameError(`${total} bytes confirmed after ${this.#confirmedBytes} were`);
    }
    if (total > this.#sentBytes) {
      throw new FrameError(`${total} bytes confirmed of ${this.#sentBytes} that were sent`);
    }
    let confirming = total - this.#confirmedBytes;
    this.#confirmedBytes = total;
    while (confirming > 0) {
      const first = this.#chunks.shift();
      if (first === undefined) return;
      if (first.length > confirming) this.#chunks.unshift(first.subarray(confirming));
      confirming -= Math.min(first.length, confirming);
    }
  }

  /** In order, each at most as large as it was appended. */
  remaining(): readonly Buffer[] {
    return this.#chunks;
  }
}
