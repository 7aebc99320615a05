// What one front-end has sent while the gate is shut: kept in order, delivered when it opens. channel-bridge.ts passes
// everything through it.
import type { Gate } from './gate.ts';

interface Held {
  bytes: number;
  deliver: () => void;
}

export class HeldMessages {
  readonly #gate: Pick<Gate, 'isOpen' | 'onceOpen'>;
  readonly #onDelivered: () => void;
  #held: Held[] = [];
  #stopWaiting: (() => void) | undefined;
  /** How much is held. */
  #bytes = 0;

  /** `onDelivered` is called when everything that was held has been delivered. */
  constructor(gate: Pick<Gate, 'isOpen' | 'onceOpen'>, onDelivered: () => void) {
    this.#gate = gate;
    this.#onDelivered = onDelivered;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Calls `deliver` now or when the gate opens, behind all that came before. */
  pass(bytes: number, deliver: () => void): void {
    if (this.#gate.isOpen && this.#held.length === 0) {
      deliver();
      return;
    }
    this.#held.push({ bytes, deliver });
    this.#bytes += bytes;
    this.#stopWaiting ??= this.#gate.onceOpen(() => {
      this.#deliverAll();
    });
  }

  /** There is nobody left to deliver to. */
  drop(): void {
    this.#stopWaiting?.();
    this.#held = [];
    this.#bytes = 0;
  }

  #deliverAll(): void {
    this.#stopWaiting = undefined;
    const held = this.#held;
    this.#held = [];
    this.#bytes = 0;
    for (const { deliver } of held) deliver();
    this.#onDelivered();
  }
}
