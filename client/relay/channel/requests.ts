// What the front-end of a channel asks of its kernel: kept on disk, sent as the link allows, and answered by the relay
// itself where the kernel never will. relay-channel.ts hands them in, and says how the agent is reached.
import type { Welcome } from '../../../agent/channel/frames.ts';
import { encodeRequest } from '../../../agent/channel/frames.ts';
import type { Link } from '../../../agent/channel/link.ts';
import type { Message } from '../../../agent/channel/messages.ts';
import { readMessage } from '../../../agent/channel/messages.ts';
import type { FrontEnd } from './front-end.ts';
import type { Outbox, Waiting } from './outbox.ts';
import type { Reason } from './own-answers.ts';
import { answerTo } from './own-answers.ts';

export interface RequestsOptions {
  outbox: Outbox;
  link: Link;
  front: FrontEnd;
  send: (frame: Buffer) => void;
  now: () => number;
  /** Of the kernel's log: what front-ends of this relay know by other ways. */
  knownPosition: () => number;
}

export class Requests {
  readonly #options: RequestsOptions;
  /** Executes whose reply has not come. */
  readonly #open = new Map<string, Message>();
  /** Control messages that were sent on this connection. */
  readonly #urgent = new Map<string, Message>();
  /** Up to here requests may have reached the agent. */
  #attempted: number;

  constructor(options: RequestsOptions) {
    this.#options = options;
    // What an earlier relay has left may have been sent by it.
    this.#attempted = options.outbox.waiting.at(-1)?.number ?? 0;
  }

  keep(message: Message, frame: Buffer): void {
    const { outbox, front, now, knownPosition } = this.#options;
    const seen = Math.max(front.lastSeen, knownPosition());
    try {
      outbox.append(frame, seen, now());
    } catch {
      this.answer(message, 'notKept');
      return;
    }
    if (message.header.msg_type === 'execute_request') {
      this.#open.set(message.header.msg_id, message);
    }
    if (outbox.isFull) front.pause();
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
    const { outbox, link, send, now } = this.#options;
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
    const { outbox, link, front } = this.#options;
    outbox.forget(link.confirmed);
    if (outbox.isEmpty) front.resume();
    this.pump();
  }

  /** The kernel has answered it. */
  answered(id: string): void {
    this.#open.delete(id);
    this.#urgent.delete(id);
  }

  answer(message: Message, reason: Reason): void {
    this.#open.delete(message.header.msg_id);
    const now = new Date(this.#options.now());
    for (const frame of answerTo(message, reason, now)) this.#options.front.say(frame);
  }

  /** The connection broke. */
  disconnected(): void {
    for (const message of this.#urgent.values()) this.answer(message, 'notNow');
    this.#urgent.clear();
  }

  /**
   * Another channel: what may have reached the agent in the one before is not sent again.
   * @param isFirst there was none before
   */
  beginAnew({ delivered }: Welcome, isFirst: boolean): void {
    const { outbox } = this.#options;
    const waiting = this.#waiting();
    outbox.beginAnew();
    const kept = new Set<string>();
    for (const { item, frame } of waiting) {
      const message = readMessage(frame);
      if (isFirst || item.number > this.#attempted) {
        outbox.append(frame, delivered, item.at);
        kept.add(message.header.msg_id);
      } else this.answer(message, 'unknown');
    }
    this.#attempted = 0;
    if (isFirst) return;
    for (const [id, message] of this.#open) if (!kept.has(id)) this.answer(message, 'unknown');
  }

  /** The kernel will answer nothing any more. */
  end(reason: Reason): void {
    for (const { frame } of this.#waiting()) this.answer(readMessage(frame), reason);
    for (const message of [...this.#open.values()]) this.answer(message, reason);
  }

  #waiting(): { item: Waiting; frame: Buffer }[] {
    const { outbox } = this.#options;
    return outbox.waiting.flatMap((item) => {
      const frame = outbox.read(item);
      return frame ? [{ item, frame }] : [];
    });
  }
}
