// The relay of the model, with the page in front of it: an outbox and a cursor that outlive a crash, and the real Link.
import { Link } from '../../agent/channel/link.ts';
import type { Message } from '../../agent/channel/messages.ts';
import type { BackFrame, ForthFrame, Wire } from './agent-model.ts';
import type { CellKind } from './kernel-model.ts';
import { sketch } from './messages.ts';

interface Waiting {
  number: number;
  seen: number;
  at: number;
  message: Message;
}

/** One page with one channel. */
export class RelayModel {
  readonly key: string;
  /** What the page got, in the order in which it came. */
  readonly got: Message[] = [];
  /** Ids of the cells that it sent, in order. */
  readonly sent: string[] = [];
  /** How much the page had got when it sent a cell. */
  readonly knew = new Map<string, number>();
  /** Cells that the relay itself said to be unknown. */
  readonly unknown = new Set<string>();
  /** When it was first connected, in got's terms: what was said before is not for it. */
  hasBeenWelcomed = false;
  forth: ForthFrame[] = [];
  back: BackFrame[] = [];
  wire: Wire | undefined;
  crashes = 0;
  #outbox: Waiting[] = [];
  #next = 1;
  #cursor = 0;
  #channel: { incarnation: string; epoch: number } | undefined;
  #link = new Link({ received: 0, delivered: 0 });
  #unconfirmed: number[] = [];
  #attempted = 0;
  #now = 0;
  #prompt: Message | undefined;

  constructor(key: string) {
    this.key = key;
  }

  get isDone(): boolean {
    return this.#outbox.length === 0 && this.forth.length === 0 && this.back.length === 0;
  }

  get hasPrompt(): boolean {
    return this.#prompt !== undefined;
  }

  cell(kind: CellKind): void {
    const id = `${this.key}-${this.sent.length + 1}`;
    this.sent.push(id);
    this.knew.set(id, this.got.length);
    this.#keep(
      sketch({
        ...{ channel: 'shell', id, type: 'execute_request', session: this.key },
        content: { kind },
      }),
    );
  }

  answerPrompt(): void {
    const parent = this.#prompt;
    if (!parent) return;
    this.#prompt = undefined;
    const id = `input-${parent.header.msg_id}`;
    this.#keep(sketch({ channel: 'stdin', id, type: 'input_reply', session: this.key, parent }));
  }

  wait(milliseconds: number): void {
    this.#now += milliseconds;
  }

  connect(): void {
    const wire: Wire = {
      back: (frame) => {
        if (this.wire === wire) this.back.push(frame);
      },
    };
    this.wire = wire;
    const { received, delivered } = this.#link;
    const channel = this.#channel && { channel: this.#channel };
    this.forth = [{ kind: 'hello', ...channel, received, delivered }];
    this.back = [];
  }

  cut(): void {
    this.wire = undefined;
    this.forth = [];
    this.back = [];
    this.#link.disconnected();
  }

  /** What the page has been written stands; the relay knows its cursor. */
  crash(isBehind: boolean): void {
    this.cut();
    this.crashes += 1;
    // Died between the write and the note of it.
    const last = this.#unconfirmed.at(-1);
    const behind = this.#unconfirmed.at(-2);
    if (isBehind && last === this.#cursor && behind !== undefined) this.#cursor = behind;
    this.#link = new Link({ received: this.#cursor, delivered: this.#cursor });
    this.#unconfirmed = [];
    this.#attempted = this.#outbox.at(-1)?.number ?? 0;
  }

  confirm(): void {
    for (const sequence of this.#unconfirmed) this.#link.deliver(sequence, 1);
    this.#unconfirmed = [];
    const upTo = this.#link.dueAcknowledgement(true);
    if (upTo !== undefined) this.forth.push({ kind: 'ack', upTo });
  }

  receive(frame: BackFrame): void {
    switch (frame.kind) {
      case 'welcome':
        this.#welcomed(frame);
        return;
      case 'ack':
        this.#link.acknowledged(frame.upTo);
        this.#forget();
        return;
      case 'delivery':
        if (!this.#link.arrived(frame.sequence)) return;
        this.got.push(frame.message);
        if (frame.message.header.msg_type === 'input_request') this.#prompt = frame.message;
        this.#cursor = frame.sequence;
        this.#unconfirmed.push(frame.sequence);
    }
  }

  #welcomed(frame: BackFrame & { kind: 'welcome' }): void {
    if (!frame.isResumed) this.#beginAnew(frame.delivered);
    this.hasBeenWelcomed = true;
    this.#channel = frame.channel;
    this.#link.connected({ received: frame.received, delivered: frame.received });
    this.#forget();
    this.#pump();
    this.forth.push({ kind: 'ack', upTo: this.#link.delivered });
  }

  #beginAnew(position: number): void {
    const waiting = this.#outbox;
    const isFirst = this.#channel === undefined;
    this.#link.beginAnew(position);
    this.#cursor = position;
    this.#outbox = [];
    this.#next = 1;
    for (const item of waiting) {
      if (isFirst || item.number > this.#attempted)
        this.#outbox.push({ ...item, number: this.#next++ });
      else this.unknown.add(item.message.header.msg_id);
    }
    this.#attempted = 0;
  }

  #keep(message: Message): void {
    this.#outbox.push({ number: this.#next, seen: this.#cursor, at: this.#now, message });
    this.#next += 1;
    this.#pump();
  }

  #pump(): void {
    for (const { number, seen, at, message } of this.#outbox) {
      if (number <= this.#link.sent) continue;
      if (!this.#link.maySend) return;
      this.#link.send(number, 1);
      this.#attempted = Math.max(this.#attempted, number);
      this.forth.push({ kind: 'request', sequence: number, seen, waited: this.#now - at, message });
    }
  }

  #forget(): void {
    this.#outbox = this.#outbox.filter(({ number }) => number > this.#link.confirmed);
    this.#pump();
  }
}
