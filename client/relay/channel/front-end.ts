// The front-end of a channel, which comes and goes: what is held for it until it has confirmed it, and what is written to
// it while it is there. relay-channel.ts says which WebSocket it has.
import type { Delivery } from '../../../agent/channel/frames.ts';
import type { ChannelStore } from './channel-store.ts';
import type { FrontSocket } from './front-socket.ts';

const GONE_FOR_GOOD = 1000;

export class FrontEnd {
  /** Of the kernel's messages, and so of the relay's own (see `sessionOf` in agent/queue/state.ts). */
  session = 'datalab';
  #socket: FrontSocket | undefined;
  /** Deliveries that it has not confirmed, in order. */
  #held: Delivery[] = [];
  /** Such as were not written when the connection broke, until the agent says that it will send them again. */
  #unwritten: Delivery[] = [];
  /** How many of them were written on the present WebSocket. */
  #written = 0;
  readonly #store: Pick<ChannelStore, 'unheard'>;
  #lastSeen: number;

  constructor(store: Pick<ChannelStore, 'cursor' | 'unheard'>) {
    this.#store = store;
    this.#lastSeen = store.cursor;
  }

  get isHere(): boolean {
    return this.#socket !== undefined;
  }

  get lastSeen(): number {
    return this.#lastSeen;
  }

  /** Whether this is its present WebSocket. */
  isAt(socket: FrontSocket): boolean {
    return socket === this.#socket;
  }

  /** The WebSocket before is of no use any more. */
  attach(socket: FrontSocket): void {
    this.#socket?.close(GONE_FOR_GOOD);
    this.#socket = socket;
    this.#written = 0;
  }

  detach(): void {
    this.#socket = undefined;
    this.#written = 0;
  }

  /** What waits for it, and then the kernel's messages, as much as it takes. */
  catchUp(): void {
    const { unheard } = this.#store;
    for (const item of unheard.waiting) {
      const frame = this.#socket && unheard.read(item);
      if (frame) this.#socket?.say(frame, item.number);
    }
    this.write();
  }

  take(delivery: Delivery): void {
    this.#held.push(delivery);
    this.write();
  }

  write(): void {
    const socket = this.#socket;
    if (!socket) return;
    for (let next = this.#held[this.#written]; next && !socket.isFull;) {
      this.#written += 1;
      this.#lastSeen = Math.max(this.#lastSeen, next.sequence);
      socket.write(next.sequence, next.message);
      next = this.#held[this.#written];
    }
  }

  /** An answer of the relay's own: kept until it is heard. */
  tell(frame: Buffer): void {
    let number: number | undefined;
    try {
      number = this.#store.unheard.append(frame, 0, 0);
    } catch {
      // The disk is full: who is there hears it all the same.
    }
    this.#socket?.say(frame, number);
  }

  /** Of what it was told, everything up to this number has arrived. */
  heard(number: number): void {
    this.#store.unheard.forget(number);
  }

  /** What is of no use later. */
  mention(frame: Buffer): void {
    this.#socket?.say(frame);
  }

  /** @returns what it has now and had not confirmed before */
  confirm(position: number): Delivery[] {
    const count = this.#held.findIndex(({ sequence }) => sequence > position);
    const over = this.#held.splice(0, count < 0 ? this.#held.length : count);
    this.#written = Math.max(0, this.#written - over.length);
    return over;
  }

  /**
   * What was not written is asked for again: kept over every cut, it would come on top of each new window. Until the agent's
   * welcome nobody knows whether it still has it.
   * @returns the position of the last that was written
   */
  setAside(): number | undefined {
    this.#unwritten.unshift(...this.#held.splice(this.#written));
    return this.#held.at(-1)?.sequence;
  }

  /** What was set aside is sent again. */
  forgetSetAside(): void {
    this.#unwritten = [];
  }

  /** What has come and was not written, in order. */
  get unwritten(): readonly Delivery[] {
    return [...this.#held.slice(this.#written), ...this.#unwritten];
  }

  /** Another channel, from `position` on; what is not heard of the one before is in its store. */
  beginAnew(position: number): void {
    this.#held = [];
    this.#unwritten = [];
    this.#written = 0;
    this.#lastSeen = position;
    this.#socket?.beginAnew();
    this.catchUp();
  }

  pause(): void {
    this.#socket?.pause();
  }

  resume(): void {
    this.#socket?.resume();
  }

  hangUp(): void {
    this.#socket?.hangUp();
  }

  /** Nothing that it says, or has received, is of interest any more. */
  dismiss(): void {
    this.#socket?.close(GONE_FOR_GOOD);
    this.#socket = undefined;
  }
}
