// The relay's end of one channel: joins a front-end's connection, which comes and goes, with the agent's, which comes and
// goes too, so that nothing is lost and nothing happens twice. channels.ts owns it.
import type { Delivery, Welcome } from '../../../agent/channel/frames.ts';
import { CLOSE, MAX_REQUEST_BYTES } from '../../../agent/channel/frames.ts';
import { Link } from '../../../agent/channel/link.ts';
import type { Message } from '../../../agent/channel/messages.ts';
import { readMessage } from '../../../agent/channel/messages.ts';
import type { Clock } from '../../clock.ts';
import type { AgentLink } from '../agent-link.ts';
import type { RelayTimings } from '../timings.ts';
import type { ChannelStore } from './channel-store.ts';
import { isAnonymous } from './channel-store.ts';
import { Dialogue } from './dialogue.ts';
import { FrontEnd } from './front-end.ts';
import type { FrontSocket } from './front-socket.ts';
import { KernelNews } from './kernel-news.ts';
import { Patience } from './patience.ts';
import { Requests } from './requests.ts';

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
  readonly #front: FrontEnd;
  readonly #news: KernelNews;
  readonly #requests: Requests;
  readonly #dialogue: Dialogue;
  readonly #patience: Patience;
  #state: ChannelState = 'down';
  #isOver = false;

  constructor(options: RelayChannelOptions) {
    this.#options = options;
    const { store, now, knownPosition } = options;
    this.#store = store;
    this.#link = new Link({ received: store.cursor, delivered: store.cursor });
    this.#front = new FrontEnd(store);
    this.#news = new KernelNews(this.#front, now);
    this.#requests = new Requests({
      ...{ store, link: this.#link, front: this.#front, now, knownPosition },
      send: (frame) => {
        this.#dialogue.request(frame);
      },
    });
    this.#dialogue = this.#makeDialogue();
    this.#patience = this.#makePatience();
    // Left by an earlier relay: it delivers what waits, and goes when nobody comes.
    this.#patience.expectReturn(false);
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
    this.#patience.returned();
    this.#front.attach(front);
    this.#news.frontEndCame();
    if (this.#state === 'down') this.#patience.startGrace(this.#options.timings.glimpse);
    this.#front.catchUp();
    if (this.#state === 'up') this.#news.tell();
  }

  /** `isGoodbye`: it went on purpose. */
  detach(front: FrontSocket, isGoodbye: boolean): void {
    if (!this.#front.isAt(front)) return;
    // JupyterLab goes when it hears of a restart, and comes back: told again, it would go again, and so on for ever.
    if (isGoodbye && this.#front.lastSeen >= this.#news.restartingAt) {
      this.confirmed(front, this.#news.restartingAt, 0);
    }
    this.#front.detach();
    this.#patience.endGrace();
    if (this.#isOver) this.#putAway();
    else this.#patience.expectReturn(isGoodbye || this.#isAnonymous);
  }

  /** Nobody will come for it, or come back. */
  abandon(): void {
    if (!this.#isOver) this.#patience.expectReturn(true);
  }

  /** A front-end's message, in the v1 form. */
  request(front: FrontSocket, frame: Buffer): void {
    if (!this.#front.isAt(front)) return;
    let message: Message;
    try {
      message = readMessage(frame);
    } catch {
      front.close(1007);
      return;
    }
    if (frame.length > MAX_REQUEST_BYTES) this.#requests.answer(message, 'tooLarge');
    else if (message.channel === 'control') this.#requests.sendNow(message, frame);
    else this.#requests.keep(message, frame);
  }

  /** It has the kernel's log up to `position`, and what it was told besides up to number `told`. */
  confirmed(front: FrontSocket, position: number, told: number): void {
    if (!this.#front.isAt(front)) return;
    this.#front.heard(told);
    for (const { sequence, message } of this.#front.confirm(position)) {
      this.#link.deliver(sequence, message.length);
    }
    this.#dialogue.acknowledge();
  }

  wrote(front: FrontSocket, position: number): void {
    if (!this.#front.isAt(front) || position <= this.#store.cursor) return;
    try {
      this.#store.cursor = position;
    } catch {
      // The disk is full: after a restart of the relay its front-end sees twice what could not be noted.
    }
  }

  drained(front: FrontSocket): void {
    if (this.#front.isAt(front)) this.#front.write();
  }

  /** The relay is going away: what its front-end sends until it knows is kept, and what is on disk stays. */
  close(): void {
    this.#over();
    if (this.#front.isHere) this.#front.hangUp();
    else this.#putAway();
  }

  #makeDialogue(): Dialogue {
    const { agent, clock, timings, random } = this.#options;
    return new Dialogue({
      ...{ name: this.#store.name, agent, clock, timings, random, link: this.#link },
      channel: () => this.#store.channel,
      rewind: () => this.#front.setAside(),
      onWelcome: (welcome) => {
        this.#welcomed(welcome);
      },
      onAcknowledged: () => {
        this.#requests.forget();
        this.#patience.delivered();
      },
      onDelivery: (delivery) => {
        this.#note(delivery);
        this.#front.take(delivery);
      },
      onLost: (code) => {
        this.#lost(code);
      },
      onGone: () => {
        this.#setState('unknown');
        this.#end();
      },
    });
  }

  #makePatience(): Patience {
    const { clock, timings } = this.#options;
    return new Patience({
      ...{ clock, timings: this.#isAnonymous ? { ...timings, leave: 0 } : timings },
      isOwed: () => !this.#store.outbox.isEmpty,
      onGone: (isGoodbye) => {
        if (isGoodbye && this.#link.isUp) this.#leave();
        else this.#sleep();
      },
      // It connects again and waits at the door.
      onCut: () => {
        if (this.#state === 'down') this.#front.hangUp();
      },
    });
  }

  #welcomed(welcome: Welcome): void {
    this.#front.session = welcome.session ?? this.#front.session;
    if (welcome.isResumed) this.#store.saveChannel(welcome.channel);
    else this.#beginAnew(welcome);
    this.#front.forgetSetAside();
    this.#link.connected({ received: welcome.received, delivered: welcome.received });
    this.#patience.endGrace();
    this.#requests.forget();
    this.#setState('up');
    this.#news.tell(welcome.executionState);
    this.#requests.pump();
    this.#patience.delivered();
  }

  /** The agent knows nothing of this channel: what is kept goes over into another one, first of all on disk. */
  #beginAnew({ channel, delivered }: Welcome): void {
    const sorted = this.#requests.sortOut(!this.isKnown);
    this.#store.beginAnew(channel, delivered, ({ outbox, unheard }) => {
      for (const { frame, item } of sorted.again) outbox.append(frame, delivered, item.at);
      // What came of the old one is still news to the front-end.
      for (const { message } of this.#front.unwritten) unheard.append(message, 0, 0);
      for (const frame of sorted.lost) unheard.append(frame, 0, 0);
    });
    this.#requests.beginAnew(sorted);
    this.#link.beginAnew(delivered);
    this.#news.beginAnew();
    this.#front.beginAnew(delivered);
  }

  /** What a message says to the relay itself. */
  #note({ sequence, message: frame }: Delivery): void {
    const message = readMessage(frame);
    const { header, parent } = message;
    if (header.msg_type.endsWith('_reply')) this.#requests.answered(parent.msg_id ?? '');
    // What belongs to nothing may be the gateway's word.
    if (parent.msg_id !== undefined) this.#front.session = header.session ?? this.#front.session;
    if (header.msg_type !== 'status') return;
    const { execution_state: state } = message.content() as { execution_state?: string };
    if (state === 'busy') this.#requests.begun(parent.msg_id ?? '');
    this.#news.said(state, sequence);
  }

  #lost(code: number): void {
    if (code === CLOSE.superseded) {
      this.#giveUp();
      return;
    }
    this.#disconnected();
    if (this.#state === 'down') return;
    this.#setState('down');
    if (this.#front.isHere) this.#patience.startGrace(this.#options.timings.grace);
  }

  #leave(): void {
    this.#dialogue.bye();
    this.#over();
    this.#store.remove();
  }

  /** Nobody is there; who comes back finds it on the disk. */
  #sleep(): void {
    this.#over();
    this.#putAway();
  }

  #putAway(): void {
    if (this.#isAnonymous && this.#store.outbox.isEmpty) this.#store.remove();
    else this.#store.close();
  }

  get #isAnonymous(): boolean {
    return isAnonymous(this.#store.name);
  }

  /** Another relay speaks for this channel. */
  #giveUp(): void {
    this.#over();
    this.#front.dismiss();
    this.#store.remove();
  }

  #end(): void {
    if (this.#isOver) return;
    this.#front.write();
    this.#requests.end();
    this.#front.dismiss();
    this.#over();
    this.#store.remove();
  }

  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#dialogue.end();
    // Who is being hung up on may still ask for something.
    this.#disconnected();
    this.#patience.stop();
    this.#options.onOver();
  }

  #disconnected(): void {
    this.#link.disconnected();
    this.#requests.disconnected();
  }

  #setState(state: ChannelState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#options.onStateChanged();
  }
}
