// The agent of the model: the real rules (agent/queue, agent/channel/link.ts), a log in memory that outlives a crash, and
// no sockets. Every deed is a step of its own, so that a crash may come between any two.
import type { Hello, Welcome } from '../../agent/channel/frames.ts';
import { Link } from '../../agent/channel/link.ts';
import type { Message } from '../../agent/channel/messages.ts';
import { readMessage } from '../../agent/channel/messages.ts';
import { writeAnswer } from '../../agent/queue/answers.ts';
import type { Entry } from '../../agent/queue/entry.ts';
import { fromSnapshot, toSnapshot } from '../../agent/queue/entry.ts';
import { greet } from '../../agent/queue/greeting.ts';
import { nextStep } from '../../agent/queue/next.ts';
import type { Conditions } from '../../agent/queue/record.ts';
import { recordMessage, recordRequest, recordRestart } from '../../agent/queue/record.ts';
import { reduce } from '../../agent/queue/reduce.ts';
import type { KernelState } from '../../agent/queue/state.ts';
import { NEW_KERNEL, isBusy, subshellOf } from '../../agent/queue/state.ts';
import { sketch } from './messages.ts';

export interface Wire {
  /** Towards the relay. */
  back: (frame: BackFrame) => void;
}

export type BackFrame =
  | Welcome
  | { kind: 'ack'; upTo: number }
  | { kind: 'delivery'; sequence: number; message: Message };

export type ForthFrame =
  | Hello
  | { kind: 'ack'; upTo: number }
  | { kind: 'request'; sequence: number; seen: number; waited: number; message: Message };

interface End {
  link: Link;
  position: number;
  wire: Wire;
}

export class AgentModel {
  readonly log: { entry: Entry; body: Message | undefined }[] = [];
  state: KernelState = NEW_KERNEL;
  /** The open connection to the gateway. */
  line: string | undefined;
  /** The same, once the kernel has published something about a question of ours. */
  connection: string | undefined;
  /** On their way to the gateway. */
  outbound: Message[] = [];
  isHeld = false;
  #fences = new Map<string, string>();
  #ends = new Map<string, End>();
  #question = '';
  #count = 0;

  get isSettled(): boolean {
    return nextStep(this.state, this.#conditions()) === undefined;
  }

  connect(): void {
    this.#count += 1;
    this.line = `connection-${this.#count}`;
    const id = `question-${this.#count}`;
    this.#question = id;
    const type = 'kernel_info_request';
    this.outbound.push(sketch({ channel: 'shell', id, type, session: 'agent' }));
    // A kernel at work would not answer.
    if (isBusy(this.state)) this.connection = this.line;
  }

  /** A kernel that is at work does not answer: after a while what is open is taken for good. */
  losePatience(): void {
    this.connection = this.line;
  }

  /** What was on its way to the gateway is lost. */
  disconnect(): void {
    this.line = undefined;
    this.connection = undefined;
    this.outbound = [];
    this.#fences.clear();
  }

  /** Everything but the log is gone. A snapshot is as good as the log. */
  crash(): void {
    this.disconnect();
    this.isHeld = false;
    this.#ends.clear();
    const again = this.log.reduce(
      (state, { entry }, index) => reduce(state, entry, index + 1),
      NEW_KERNEL,
    );
    const snapshot = JSON.parse(JSON.stringify(toSnapshot(this.state))) as never;
    this.state = this.log.length % 2 === 0 ? fromSnapshot(snapshot) : again;
    if (this.state.isRestarting) this.#append({ kind: 'restartFailed' });
  }

  hangUp(key: string): void {
    this.#ends.delete(key);
  }

  /** Its page does not come back. */
  expire(key: string): void {
    if (this.state.channels.has(key)) this.#append({ kind: 'channelGone', key });
  }

  receive(key: string, frame: ForthFrame, wire: Wire): void {
    if (frame.kind === 'hello') {
      this.#greet(key, frame, wire);
      return;
    }
    const end = this.#ends.get(key);
    if (end?.wire !== wire) return;
    if (this.state.channels.get(key)?.previousEpoch !== undefined) {
      this.#append({ kind: 'channelConfirmed', key });
    }
    if (frame.kind === 'ack') {
      end.link.acknowledged(frame.upTo);
      this.#deliver(key);
      return;
    }
    if (!end.link.arrived(frame.sequence)) return;
    const incoming = { channel: key, number: frame.sequence, seen: frame.seen };
    const entry = recordRequest(
      this.state,
      { ...incoming, waitedMilliseconds: frame.waited },
      frame.message,
      this.#conditions(),
    );
    if (entry) this.#append(entry, frame.message);
    end.link.deliver(frame.sequence, 1);
    const upTo = end.link.dueAcknowledgement(true);
    if (upTo !== undefined) wire.back({ kind: 'ack', upTo });
  }

  hear(message: Message): void {
    const lane = this.#fences.get(message.parent.msg_id ?? '');
    const fence = lane === undefined ? undefined : { id: message.parent.msg_id ?? '', lane };
    const way = { connection: this.line ?? '', isLeaving: false };
    for (const entry of recordMessage(this.state, message, fence, way)) {
      if (entry.kind === 'fenced') this.#fences.delete(fence?.id ?? '');
      this.#append(entry, entry.kind === 'message' ? message : undefined);
    }
    const isProof = message.parent.msg_id === this.#question && message.channel === 'iopub';
    if (isProof) this.connection = this.line;
  }

  restarting(): void {
    this.#append({ kind: 'restarting' });
  }

  restarted(isDone: boolean): void {
    for (const entry of recordRestart(this.state, isDone)) this.#append(entry);
  }

  /** One step. `dies`: the agent dies before the deed, with the entry written. */
  step(dies: boolean): void {
    const step = nextStep(this.state, this.#conditions());
    if (!step) return;
    switch (step.do) {
      case 'answer': {
        const request = this.#bodyOf(step.owed.request.sequence);
        const { entry, message } = writeAnswer(step.owed, request, 'kernel', new Date(0));
        this.#append(entry, readMessage(message));
        break;
      }
      case 'send': {
        const connection = this.connection ?? '';
        this.#append({ kind: 'sent', lane: step.lane, sequence: step.sequence, connection });
        if (!dies) this.outbound.push(this.#bodyOf(step.sequence));
        break;
      }
      case 'fence': {
        this.#count += 1;
        const id = `fence-${this.#count}`;
        this.#fences.set(id, step.lane);
        const type = 'kernel_info_request';
        if (subshellOf(step.lane) !== undefined) throw new Error('the model has no subshells');
        this.outbound.push(sketch({ channel: 'shell', id, type, session: 'agent' }));
        break;
      }
      case 'showPrompt': {
        const { id, parent, sequence, channel } = step.prompt;
        if (step.channel !== channel && !this.#ends.has(step.channel))
          throw new Error('a prompt is shown to a page that is not there');
        const facts = { kind: 'message', type: 'input_request', to: step.channel } as const;
        this.#append({ ...facts, parent, prompt: id }, this.#bodyOf(sequence));
      }
    }
    if (dies) this.crash();
  }

  #greet(key: string, hello: Hello, wire: Wire): void {
    const { isResumed, entry } = greet(
      this.state,
      key,
      hello,
      { head: this.log.length, first: 1 },
      () => `incarnation-${(this.#count += 1)}`,
    );
    this.#append(entry);
    const received = this.state.channels.get(key)?.received ?? 0;
    const delivered = isResumed ? hello.received : this.log.length;
    const link = new Link({ received, delivered: received });
    link.connected(isResumed ? hello : { received: delivered, delivered });
    this.#ends.set(key, { link, position: delivered, wire });
    const channel = { incarnation: entry.incarnation, epoch: entry.epoch };
    wire.back({ kind: 'welcome', isResumed, channel, received, delivered, executionState: 'idle' });
    this.#deliver(key);
  }

  #append(entry: Entry, body?: Message): void {
    this.log.push({ entry, body });
    this.state = reduce(this.state, entry, this.log.length);
    if (entry.kind === 'restarted') {
      // As kernel-host.ts does: the connection is made anew.
      this.disconnect();
      this.connect();
    }
    for (const key of this.#ends.keys()) this.#deliver(key);
  }

  #deliver(key: string): void {
    const end = this.#ends.get(key);
    while (end && end.position < this.log.length && end.link.maySend) {
      end.position += 1;
      const { entry, body } = this.log[end.position - 1] ?? {};
      const isMessage = entry?.kind === 'message' && body !== undefined;
      if (isMessage && (entry.to === undefined || entry.to === key)) {
        end.link.send(end.position, 1);
        end.wire.back({ kind: 'delivery', sequence: end.position, message: body });
      } else end.link.skip(end.position);
    }
  }

  #bodyOf(sequence: number): Message {
    const body = this.log[sequence - 1]?.body;
    if (!body) throw new Error(`no body for ${sequence}`);
    return body;
  }

  #conditions(): Conditions {
    const fences = new Set(this.#fences.values());
    const { connection, isHeld } = this;
    return { connection, isHeld, fences, present: new Set(this.#ends.keys()) };
  }
}
