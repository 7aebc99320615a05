// What a channel's two ends say to each other, from the relay's side: hello on each connection, acknowledgements, what the
// agent answers and delivers. agent-connection.ts makes the connections, relay-channel.ts acts on what is heard.
import type { ControlFrame, Delivery, Welcome } from '../../../agent/channel/frames.ts';
import { decodeControl, decodeDelivery, encodeControl } from '../../../agent/channel/frames.ts';
import type { Link } from '../../../agent/channel/link.ts';
import { assertNever } from '../../errors.ts';
import type { AgentConnectionOptions } from './agent-connection.ts';
import { AgentConnection } from './agent-connection.ts';

const ACK_MILLISECONDS = 20;

type Connecting = Omit<AgentConnectionOptions, 'onOpen' | 'onText' | 'onData' | 'onUnknown'>;

export interface DialogueOptions extends Connecting {
  link: Link;
  /** What the agent knows the channel by, if it does. */
  channel: () => Welcome['channel'] | undefined;
  /** Throws away what has arrived and is to be sent again; says where the last stands that is kept. */
  rewind: () => number | undefined;
  onWelcome: (welcome: Welcome) => void;
  /** The agent has more of the requests for good. */
  onAcknowledged: () => void;
  onDelivery: (delivery: Delivery) => void;
  /** The agent knows no such kernel, or not any more. */
  onGone: () => void;
}

export class Dialogue {
  readonly #options: DialogueOptions;
  readonly #connection: AgentConnection;
  #cancelAck: (() => void) | undefined;

  constructor(options: DialogueOptions) {
    this.#options = options;
    this.#connection = new AgentConnection({
      ...options,
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
          this.#delivery(decodeDelivery(data));
        });
      },
      onUnknown: options.onGone,
    });
  }

  request(frame: Buffer): void {
    this.#connection.send(frame);
  }

  /** What is delivered by now is acknowledged: much of it at once, little of it soon. */
  acknowledge(): void {
    this.#acknowledge(false);
    this.#cancelAck ??= this.#options.clock.after(ACK_MILLISECONDS, () => {
      this.#cancelAck = undefined;
      this.#acknowledge(true);
    });
  }

  /** The front-end will not come back. */
  bye(): void {
    this.#say({ kind: 'bye' });
  }

  end(): void {
    this.#connection.end();
    this.#cancelAck?.();
  }

  #receive(read: () => void): void {
    try {
      read();
    } catch {
      // What is no frame, or cannot be written to the disk: another connection begins where this one was good.
      this.#connection.breakOff();
    }
  }

  #greet(): void {
    const { link, channel, rewind } = this.#options;
    link.rewind(rewind() ?? link.delivered);
    const known = channel();
    const { received, delivered } = link;
    this.#say({ kind: 'hello', ...(known && { channel: known }), received, delivered });
  }

  #control(frame: ControlFrame): void {
    const { link, onAcknowledged, onGone } = this.#options;
    switch (frame.kind) {
      case 'welcome':
        this.#welcomed(frame);
        return;
      case 'ack':
        link.acknowledged(frame.upTo);
        onAcknowledged();
        return;
      case 'dead':
        onGone();
        return;
      case 'hello':
      case 'bye':
        return;
      default:
        assertNever(frame);
    }
  }

  #welcomed(welcome: Welcome): void {
    this.#options.onWelcome(welcome);
    this.#connection.proven();
    this.#acknowledge(true);
    // The agent is to know that its welcome has come.
    this.#say({ kind: 'ack', upTo: this.#options.link.delivered });
  }

  #delivery(delivery: Delivery): void {
    if (this.#options.link.arrived(delivery.sequence)) this.#options.onDelivery(delivery);
  }

  #acknowledge(flush: boolean): void {
    const upTo = this.#options.link.dueAcknowledgement(flush);
    if (upTo !== undefined) this.#say({ kind: 'ack', upTo });
  }

  #say(frame: ControlFrame): void {
    this.#connection.send(encodeControl(frame));
  }
}
