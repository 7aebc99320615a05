// What the front-end of a channel asks of its kernel: kept on disk, sent as the link allows, and answered by the relay
// itself where the kernel never will. relay-channel.ts hands them in, and says how the agent is reached.
import { encodeRequest } from '../../../agent/channel/frames.ts';
import type { Link } from '../../../agent/channel/link.ts';
import type { Message } from '../../../agent/channel/messages.ts';
import { readMessage } from '../../../agent/channel/messages.ts';
import type { ChannelStore } from './channel-store.ts';
import type { FrontEnd } from './front-end.ts';
import type { Waiting } from './outbox.ts';
import type { Reason } from './own-answers.ts';
import { answerTo } from './own-answers.ts';

export interface RequestsOptions {
  store: Pick<ChannelStore, 'outbox'>;
  link: Link;
  front: FrontEnd;
  send: (frame: Buffer) => void;
  now: () => number;
  /** Of the kernel's log: what front-ends of this relay know by other ways. */
  knownPosition: () => number;
}

interface Kept {
  item: Waiting;
  frame: Buffer;
  message: Message;
}

export interface SortedOut {
  again: readonly Kept[];
  /** What the front-end is told of the others. */
  lost: readonly Buffer[];
}

export class Requests {
  readonly #options: RequestsOptions;
  /** Executes whose reply has not come. */
  readonly #open = new Map<string, Message>();
  /** Those of them that the kernel has begun. */
  readonly #begun = new Set<string>();
  /** Control messages that were sent on this connection. */
  readonly #urgent = new Map<string, Message>();
  /** Up to here requests may have reached the agent. */
  #attempted: number;

  constructor(options: RequestsOptions) {
    this.#options = options;
    // What an earlier relay has left may have been sent by it.
    this.#attempted = options.store.outbox.waiting.at(-1)?.number ?? 0;
  }

  keep(message: Message, frame: Buffer): void {
    const { store, front, now, knownPosition } = this.#options;
    const seen = Math.max(front.lastSeen, knownPosition());
    try {
      store.outbox.append(frame, seen, now());
    } catch {
      this.answer(message, 'notKept');
      return;
    }
    if (message.header.msg_type === 'execute_request') {
      this.#open.set(message.header.msg_id, message);
    }
    if (store.outbox.isFull) front.pause();
    this.pump();
  }

  /** Delivered now or refused: a late one hits the wrong cell. */
  sendNow(message: Message, frame: Buffer): void {
    const { link, front, send } = this.#options;
    if (!link.isUp) {
      this.answer(message, 'notNow');
      return;
    }
    if (message.header.msg_type.endsWith('_request')) {
      this.#urgent.set(message.header.msg_id, message);
    }
    const seen = front.lastSeen;
    send(encodeRequest({ sequence: 0, seen, waitedMilliseconds: 0, message: frame }));
  }

  pump(): void {
    const { store, link, send, now } = this.#options;
    const { outbox } = store;
    while (link.maySend) {
      const next = outbox.after(link.sent);
      const message = next && outbox.read(next);
      if (!next || !message) return;
      const waitedMilliseconds = Math.max(0, now() - next.at);
      this.#attempted = Math.max(this.#attempted, next.number);
      link.send(next.number, message.length);
      const { number: sequence, seen } = next;
      send(encodeRequest({ sequence, seen, waitedMilliseconds, message }));
    }
  }

  /** What the agent has for good. */
  forget(): void {
    const { store, link, front } = this.#options;
    store.outbox.forget(link.confirmed);
    if (store.outbox.isEmpty) front.resume();
    this.pump();
  }

  /** The kernel is at it. */
  begun(id: string): void {
    if (this.#open.has(id)) this.#begun.add(id);
  }

  /** The kernel has answered it. */
  answered(id: string): void {
    this.#close(id);
    this.#urgent.delete(id);
  }

  answer(message: Message, reason: Reason): void {
    this.#close(message.header.msg_id);
    for (const frame of this.#answerTo(message, reason)) this.#options.front.tell(frame);
  }

  /** The connection broke, or was ended. */
  disconnected(): void {
    for (const message of this.#urgent.values()) this.answer(message, 'noAnswer');
    this.#urgent.clear();
  }

  /**
   * What becomes of them in another channel: only what certainly has not reached the agent in this one is sent in it.
   * @param isFirst there was none before
   */
  sortOut(isFirst: boolean): SortedOut {
    const again = this.#waiting().filter(({ item }) => isFirst || item.number > this.#attempted);
    const kept = new Set(again.map(({ message }) => message.header.msg_id));
    const asked = [...this.#waiting().map(({ message }) => message), ...this.#open.values()];
    const lost = new Map(asked.map((message) => [message.header.msg_id, message]));
    for (const id of kept) lost.delete(id);
    return { again, lost: [...lost.values()].flatMap((each) => this.#answerTo(each, 'unknown')) };
  }

  /** They are sorted out, and the store holds what is sent again. */
  beginAnew({ again }: SortedOut): void {
    this.#attempted = 0;
    const kept = new Set(again.map(({ message }) => message.header.msg_id));
    for (const id of this.#open.keys()) if (!kept.has(id)) this.#close(id);
  }

  /** The kernel is gone and will answer nothing any more. */
  end(): void {
    this.disconnected();
    for (const { item, message } of this.#waiting()) {
      if (item.number > this.#attempted) this.answer(message, 'gone');
      else this.#endSent(message);
    }
    for (const message of [...this.#open.values()]) this.#endSent(message);
  }

  #endSent(message: Message): void {
    const hasBegun = this.#begun.has(message.header.msg_id);
    this.answer(message, hasBegun ? 'goneAmidst' : 'goneMeanwhile');
  }

  #close(id: string): void {
    this.#open.delete(id);
    this.#begun.delete(id);
  }

  #answerTo(message: Message, reason: Reason): Buffer[] {
    const { front, now } = this.#options;
    return answerTo(message, reason, front.session, new Date(now()));
  }

  #waiting(): Kept[] {
    const { outbox } = this.#options.store;
    return outbox.waiting.flatMap((item) => {
      const frame = outbox.read(item);
      return frame ? [{ item, frame, message: readMessage(frame) }] : [];
    });
  }
}
