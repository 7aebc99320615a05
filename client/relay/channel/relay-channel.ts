// The relay's end of one channel: joins a front-end's connection, which comes and goes, with the agent's, which comes and
// goes too, so that nothing is lost and nothing happens twice. channels.ts owns it.
import type { ControlFrame, Welcome } from '../../../agent/channel/frames.ts';
import {
  CLOSE,
  MAX_REQUEST_BYTES,
  decodeControl,
  decodeDelivery,
  encodeControl,
  encodeRequest,
} from '../../../agent/channel/frames.ts';
import { Link } from '../../../agent/channel/link.ts';
import type { Message } from '../../../agent/channel/messages.ts';
import { readMessage } from '../../../agent/channel/messages.ts';
import type { Clock } from '../../clock.ts';
import { assertNever } from '../../errors.ts';
import type { AgentLink } from '../agent-link.ts';
import { AgentConnection } from './agent-connection.ts';
import type { ChannelStore } from './channel-store.ts';
import type { FrontSocket } from './front-socket.ts';
import type { Reason } from './own-answers.ts';
import { answerTo, statusMessage } from './own-answers.ts';
import type { RelayTimings } from '../timings.ts';

const ACK_MILLISECONDS = 20;
const GONE_FOR_GOOD = 1000;

export interface RelayChannelOptions {
  store: ChannelStore;
  agent: AgentLink;
  clock: Clock;
  now: () => number;
  random: () => number;
  timings: RelayTimings;
  /** Of the kernel's log: what front-ends of this relay know by other ways. */
  knownPosition: () => number;
  /** The channel is over; its store is removed if nobody can come back to it. */
  onOver: () => void;
  onStateChanged: () => void;
}

/** Down: no way to the agent; up: greeted; unknown: the agent has no such kernel. */
export type ChannelState = 'down' | 'up' | 'unknown';

export class RelayChannel {
  readonly #options: RelayChannelOptions;
  readonly #store: ChannelStore;
  readonly #link: Link;
  readonly #connection: AgentConnection;
  /** Deliveries that the front-end has not confirmed, in order. */
  #held: { sequence: number; message: Buffer }[] = [];
  /** Such as were not written when the connection broke, until the agent says that it will send them again. */
  #unwritten: { sequence: number; message: Buffer }[] = [];
  /** How many of them were written to the present front-end. */
  #written = 0;
  /** Of the relay's own, and of a channel that is over: for the next front-end, if there is none. */
  #unsaid: Buffer[] = [];
  #front: FrontSocket | undefined;
  #state: ChannelState = 'down';
  #executionState: string | undefined;
  /** Executes whose reply has not come. */
  readonly #open = new Map<string, Message>();
  /** Control messages that were sent on this connection. */
  readonly #urgent = new Map<string, Message>();
  /** Up to here requests may have reached the agent. */
  #attempted: number;
  #lastSeen: number;
  #cancelLeave: (() => void) | undefined;
  #cancelGrace: (() => void) | undefined;
  #cancelAck: (() => void) | undefined;
  #isOver = false;

  constructor(options: RelayChannelOptions) {
    this.#options = options;
    this.#store = options.store;
    const { cursor, outbox, name } = this.#store;
    this.#lastSeen = cursor;
    // What an earlier relay has left may have been sent by it.
    this.#attempted = outbox.waiting.at(-1)?.number ?? 0;
    this.#link = new Link({ received: cursor, delivered: cursor });
    this.#connection = new AgentConnection({
      ...{ name, agent: options.agent, clock: options.clock, timings: options.timings },
      random: options.random,
      onOpen: () => {
        this.#greet();
      },
      onText: (text) => {
        this.#receive(() => {
          this.#control(decodeControl(text));
        });
      },
      onData: (data) => {
        this.#receive(() => {
          this.#delivered(decodeDelivery(data));
        });
      },
      onLost: (code) => {
        this.#lost(code);
      },
      onUnknown: () => {
        this.#setState('unknown');
        this.#end('gone');
      },
    });
    // Left by an earlier relay: it delivers what waits, and goes when nobody comes.
    this.#expectReturn(options.timings.absence);
  }

  get state(): ChannelState {
    return this.#state;
  }

  /** The agent has welcomed it before. */
  get isKnown(): boolean {
    return this.#store.channel !== undefined;
  }

  /** A front-end has come, or come back; the one before is of no use any more. */
  attach(front: FrontSocket): void {
    this.#cancelLeave?.();
    this.#front?.close(GONE_FOR_GOOD);
    this.#front = front;
    this.#written = 0;
    this.#executionState = undefined;
    if (this.#state === 'down') this.#startGrace(this.#options.timings.glimpse);
    for (const frame of this.#unsaid.splice(0)) front.say(frame);
    this.#write();
  }

  /** `isGoodbye`: it went on purpose. */
  detach(front: FrontSocket, isGoodbye: boolean): void {
    if (front !== this.#front) return;
    this.#front = undefined;
    this.#written = 0;
    this.#cancelGrace?.();
    if (this.#isOver) {
      this.#store.close();
      return;
    }
    const { leave, absence } = this.#options.timings;
    this.#expectReturn(isGoodbye ? leave : absence, isGoodbye);
  }

  /** A front-end's message, in the v1 form. */
  request(front: FrontSocket, frame: Buffer): void {
    if (front !== this.#front) return;
    let message: Message;
    try {
      message = readMessage(frame);
    } catch {
      front.close(1007);
      return;
    }
    if (frame.length > MAX_REQUEST_BYTES) this.#answer(message, 'tooLarge');
    else if (message.channel === 'control') this.#sendNow(message, frame);
    else this.#keep(message, frame);
  }

  confirmed(front: FrontSocket, position: number): void {
    if (front !== this.#front) return;
    const count = this.#held.findIndex(({ sequence }) => sequence > position);
    const over = this.#held.splice(0, count < 0 ? this.#held.length : count);
    this.#written = Math.max(0, this.#written - over.length);
    for (const { sequence, message } of over) this.#link.deliver(sequence, message.length);
    this.#acknowledge(false);
    this.#cancelAck ??= this.#options.clock.after(ACK_MILLISECONDS, () => {
      this.#cancelAck = undefined;
      this.#acknowledge(true);
    });
  }

  wrote(front: FrontSocket, position: number): void {
    if (front !== this.#front || position <= this.#store.cursor) return;
    try {
      this.#store.cursor = position;
    } catch {
      // The disk is full: after a restart of the relay its front-end sees twice what could not be noted.
    }
  }

  drained(front: FrontSocket): void {
    if (front === this.#front) this.#write();
  }

  /** The relay is going away: what its front-end sends until it knows is kept, and what is on disk stays. */
  close(): void {
    this.#over();
    if (this.#front) this.#front.hangUp();
    else this.#store.close();
  }

  #receive(read: () => void): void {
    try {
      read();
    } catch {
      // What is no frame, or cannot be written to the disk: another connection begins where this one was good.
      this.#connection.breakOff();
    }
  }

  /**
   * What was not written is asked for again: kept over every cut, it would come on top of each new window. Until the agent's
   * welcome nobody knows whether it still has it.
   */
  #greet(): void {
    this.#unwritten.push(...this.#held.splice(this.#written));
    this.#link.rewind(this.#held.at(-1)?.sequence ?? this.#link.delivered);
    const { channel } = this.#store;
    const { received, delivered } = this.#link;
    const known = channel ? { channel } : {};
    this.#connection.send(encodeControl({ kind: 'hello', ...known, received, delivered }));
  }

  #control(frame: ControlFrame): void {
    switch (frame.kind) {
      case 'welcome':
        this.#welcomed(frame);
        return;
      case 'ack':
        this.#link.acknowledged(frame.upTo);
        this.#forget();
        return;
      case 'dead':
        this.#setState('unknown');
        this.#end('gone');
        return;
      case 'hello':
      case 'bye':
        return;
      default:
        assertNever(frame);
    }
  }

  #welcomed(welcome: Welcome): void {
    if (!welcome.isResumed) this.#beginAnew(welcome);
    this.#unwritten = [];
    this.#store.saveChannel(welcome.channel);
    this.#link.connected({ received: welcome.received, delivered: welcome.received });
    this.#connection.proven();
    this.#cancelGrace?.();
    this.#forget();
    this.#setState('up');
    this.#tellState(welcome.executionState);
    this.#pump();
    this.#acknowledge(true);
    // The agent is to know that its welcome has come.
    this.#connection.send(encodeControl({ kind: 'ack', upTo: this.#link.delivered }));
  }

  /** The agent knows nothing of this channel: what may have reached it in another is not sent again. */
  #beginAnew(welcome: Welcome): void {
    const { outbox } = this.#store;
    const isFirst = this.#store.channel === undefined;
    const waiting = outbox.waiting.map((item) => ({ item, message: outbox.read(item) }));
    // What came of the old one is still news to the front-end.
    for (const { message } of [...this.#held.slice(this.#written), ...this.#unwritten])
      this.#say(message);
    this.#held = [];
    this.#written = 0;
    outbox.beginAnew();
    this.#link.beginAnew(welcome.delivered);
    this.#store.cursor = welcome.delivered;
    this.#lastSeen = welcome.delivered;
    const kept = new Set<string>();
    for (const { item, message: frame } of waiting) {
      if (!frame) continue;
      const message = readMessage(frame);
      const isCertain = isFirst || item.number > this.#attempted;
      if (isCertain) {
        outbox.append(frame, welcome.delivered, item.at);
        kept.add(message.header.msg_id);
      } else this.#answer(message, 'unknown');
    }
    this.#attempted = 0;
    if (isFirst) return;
    for (const [id, message] of this.#open) if (!kept.has(id)) this.#answer(message, 'unknown');
  }

  #delivered({ sequence, message }: { sequence: number; message: Buffer }): void {
    if (!this.#link.arrived(sequence)) return;
    this.#note(message);
    this.#held.push({ sequence, message });
    this.#write();
  }

  /** What a message says to the relay itself. */
  #note(frame: Buffer): void {
    const message = readMessage(frame);
    const { header, parent } = message;
    if (header.msg_type.endsWith('_reply')) {
      this.#open.delete(parent.msg_id ?? '');
      this.#urgent.delete(parent.msg_id ?? '');
    }
    if (header.msg_type !== 'status') return;
    this.#executionState = (message.content() as { execution_state?: string }).execution_state;
  }

  #write(): void {
    const front = this.#front;
    if (!front) return;
    for (let next = this.#held[this.#written]; next && !front.isFull;) {
      this.#written += 1;
      this.#lastSeen = Math.max(this.#lastSeen, next.sequence);
      front.write(next.sequence, next.message);
      next = this.#held[this.#written];
    }
  }

  #keep(message: Message, frame: Buffer): void {
    const { outbox } = this.#store;
    const seen = Math.max(this.#lastSeen, this.#options.knownPosition());
    try {
      outbox.append(frame, seen, this.#options.now());
    } catch {
      this.#answer(message, 'notKept');
      return;
    }
    if (message.header.msg_type === 'execute_request') {
      this.#open.set(message.header.msg_id, message);
    }
    if (outbox.isFull) this.#front?.pause();
    this.#pump();
  }

  #pump(): void {
    const { outbox } = this.#store;
    while (this.#link.maySend) {
      const next = outbox.after(this.#link.sent);
      const message = next && outbox.read(next);
      if (!next || !message) return;
      const waitedMilliseconds = Math.max(0, this.#options.now() - next.at);
      this.#attempted = Math.max(this.#attempted, next.number);
      this.#link.send(next.number, message.length);
      const { number: sequence, seen } = next;
      this.#connection.send(encodeRequest({ sequence, seen, waitedMilliseconds, message }));
    }
  }

  #sendNow(message: Message, frame: Buffer): void {
    if (!this.#link.isUp) {
      this.#answer(message, 'notNow');
      return;
    }
    if (message.header.msg_type.endsWith('_request')) {
      this.#urgent.set(message.header.msg_id, message);
    }
    const request = { sequence: 0, seen: this.#lastSeen, waitedMilliseconds: 0, message: frame };
    this.#connection.send(encodeRequest(request));
  }

  #forget(): void {
    const { outbox } = this.#store;
    outbox.forget(this.#link.confirmed);
    if (outbox.isEmpty) this.#front?.resume();
    this.#pump();
  }

  #acknowledge(flush: boolean): void {
    const upTo = this.#link.dueAcknowledgement(flush);
    if (upTo !== undefined) this.#connection.send(encodeControl({ kind: 'ack', upTo }));
  }

  #answer(message: Message, reason: Reason): void {
    this.#open.delete(message.header.msg_id);
    const now = new Date(this.#options.now());
    for (const frame of answerTo(message, reason, now)) this.#say(frame);
  }

  #say(frame: Buffer): void {
    if (this.#front) this.#front.say(frame);
    else this.#unsaid.push(frame);
  }

  /** After a cut the front-end may show what the kernel did before it. */
  #tellState(executionState: string): void {
    if (this.#executionState === undefined || this.#executionState === executionState) return;
    this.#executionState = executionState;
    this.#front?.say(statusMessage(executionState, new Date(this.#options.now())));
  }

  #lost(code: number): void {
    this.#link.disconnected();
    if (code === CLOSE.superseded) {
      this.#giveUp();
      return;
    }
    this.#setState('down');
    for (const message of this.#urgent.values()) this.#answer(message, 'notNow');
    this.#urgent.clear();
    if (this.#front) this.#startGrace(this.#options.timings.grace);
  }

  /** A cut that lasts is shown to the front-end as one; it connects again and waits at the door. */
  #startGrace(milliseconds: number): void {
    this.#cancelGrace?.();
    this.#cancelGrace = this.#options.clock.after(milliseconds, () => {
      if (this.#state === 'down') this.#front?.hangUp();
    });
  }

  #expectReturn(milliseconds: number, isGoodbye = false): void {
    this.#cancelLeave?.();
    this.#cancelLeave = this.#options.clock.after(milliseconds, () => {
      // What its page has sent before it went is delivered first.
      if (!this.#store.outbox.isEmpty) this.#expectReturn(milliseconds, isGoodbye);
      else if (isGoodbye && this.#link.isUp) this.#leave();
      else this.#sleep();
    });
  }

  #leave(): void {
    this.#connection.send(encodeControl({ kind: 'bye' }));
    this.#over();
    this.#store.remove();
  }

  /** Nobody is there; who comes back finds it on the disk. */
  #sleep(): void {
    this.#over();
    this.#store.close();
  }

  /** Another relay speaks for this channel. */
  #giveUp(): void {
    this.#dismiss();
    this.#over();
    this.#store.remove();
  }

  #end(reason: Reason): void {
    if (this.#isOver) return;
    const { outbox } = this.#store;
    const waiting = outbox.waiting.flatMap((item) => outbox.read(item) ?? []);
    this.#write();
    for (const frame of waiting) this.#answer(readMessage(frame), reason);
    for (const message of [...this.#open.values()]) this.#answer(message, reason);
    this.#dismiss();
    this.#over();
    this.#store.remove();
  }

  /** Nothing that it says, or has received, is of interest any more. */
  #dismiss(): void {
    this.#front?.close(GONE_FOR_GOOD);
    this.#front = undefined;
  }

  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#connection.end();
    for (const cancel of [this.#cancelLeave, this.#cancelGrace, this.#cancelAck]) cancel?.();
    this.#options.onOver();
  }

  #setState(state: ChannelState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#options.onStateChanged();
  }
}
