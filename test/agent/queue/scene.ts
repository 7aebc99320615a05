// A kernel's queue on its own: pages ask, the kernel speaks, and what the agent does is a list of words. The real rules of
// agent/queue, a log in memory, and nothing else.
import type { Message } from '../../../agent/channel/messages.ts';
import { readMessage } from '../../../agent/channel/messages.ts';
import { writeAnswer } from '../../../agent/queue/answers.ts';
import type { Entry } from '../../../agent/queue/entry.ts';
import type { Step } from '../../../agent/queue/next.ts';
import { nextStep } from '../../../agent/queue/next.ts';
import type { Conditions } from '../../../agent/queue/record.ts';
import { recordMessage, recordRequest, recordRestart } from '../../../agent/queue/record.ts';
import { reduce } from '../../../agent/queue/reduce.ts';
import type { KernelState } from '../../../agent/queue/state.ts';
import { NEW_KERNEL, sessionOf } from '../../../agent/queue/state.ts';
import { sketch } from '../../model/messages.ts';

export interface Asked {
  page: string;
  id: string;
  type?: string;
  channel?: string;
  /** What the page had of the log; all of it, if nothing is said. */
  seen?: number;
  waited?: number;
  parent?: Message;
  content?: Record<string, unknown>;
}

export interface Said {
  type: string;
  /** The id of the request that it belongs to. */
  of?: string;
  id?: string;
  /** The page that made the request. */
  page?: string;
  process?: string;
  channel?: string;
  content?: Record<string, unknown>;
}

export class Scene {
  readonly log: { entry: Entry; body: Message | undefined }[] = [];
  state: KernelState = NEW_KERNEL;
  /** The proven connection to the gateway. */
  connection: string | undefined = 'first';
  isHeld = false;
  /** What is heard comes over a connection that a restart has ended. */
  isLeaving = false;
  process = 'process';
  readonly #fences = new Map<string, string>();
  readonly #present = new Set<string>();

  constructor(...pages: string[]) {
    for (const page of pages) this.comes(page);
    this.says({ type: 'status', content: { execution_state: 'starting' } });
  }

  get head(): number {
    return this.log.length;
  }

  append(entry: Entry, body?: Message): void {
    this.log.push({ entry, body });
    this.state = reduce(this.state, entry, this.head);
  }

  comes(page: string): void {
    this.append({ kind: 'channel', key: page, incarnation: `of-${page}`, epoch: 1 });
    this.#present.add(page);
  }

  /** Its connection breaks; its channel is kept for it. */
  isCut(page: string): void {
    this.#present.delete(page);
  }

  leaves(page: string): void {
    this.isCut(page);
    this.append({ kind: 'channelGone', key: page });
  }

  asks(asked: Asked): void {
    const { page, id, type = 'execute_request', channel = 'shell', parent, content } = asked;
    const message = sketch({
      ...{ channel, id, type, session: page, parent },
      ...(content && { content }),
    });
    const { seen = this.head, waited: waitedMilliseconds = 0 } = asked;
    const incoming = { channel: page, number: 0, seen, waitedMilliseconds };
    const entry = recordRequest(this.state, incoming, message, this.#conditions());
    if (entry) this.append(entry, message);
  }

  /** The kernel says something. */
  says({ type, of, page, ...said }: Said): Message {
    const channel = said.channel ?? channelOf(type);
    const asked = sketch({ channel: '', id: of ?? '', type: '', session: page ?? 'page' });
    const message = sketch({
      ...{ channel, type, id: said.id ?? `word-${this.head + 1}` },
      session: said.process ?? this.process,
      ...(of !== undefined && { parent: asked }),
      content: said.content ?? {},
    });
    this.hears(message);
    return message;
  }

  status(state: string, of: string): void {
    this.says({ type: 'status', of, content: { execution_state: state } });
  }

  /** It has answered what was asked of it in this lane. */
  answersFence(lane = 'shell'): void {
    const [id] = [...this.#fences].find(([, asked]) => asked === lane) ?? [];
    const content = { implementation: 'ipython' };
    this.says({ type: 'kernel_info_reply', ...(id !== undefined && { of: id }), content });
  }

  hears(message: Message): void {
    const id = message.parent.msg_id ?? '';
    const lane = this.#fences.get(id);
    const fence = lane === undefined ? undefined : { id, lane };
    const way = { connection: this.connection ?? '', isLeaving: this.isLeaving };
    for (const entry of recordMessage(this.state, message, fence, way)) {
      if (entry.kind === 'fenced') this.#fences.delete(id);
      this.append(entry, message);
    }
  }

  /** The connection to the gateway is another one, or none. */
  reconnects(connection: string | undefined): void {
    this.connection = connection;
    this.isLeaving = false;
    this.#fences.clear();
  }

  /** The gateway has answered the request for a restart. */
  restartAnswered(isDone: boolean): void {
    for (const entry of recordRestart(this.state, isDone)) this.append(entry);
  }

  /** What the agent does until something has to happen. */
  does(): string[] {
    const done: string[] = [];
    for (let step = this.#next(); step; step = this.#next()) {
      if (done.length > 100) throw new Error(`no end: ${done.slice(-4).join(', ')}`);
      done.push(this.#take(step));
    }
    return done;
  }

  /** To whom the last message goes: a page, everybody, or nobody. */
  get lastAddressee(): string {
    const entry = this.log.findLast(({ entry }) => entry.kind === 'message')?.entry;
    if (entry?.kind !== 'message') return 'none';
    if (entry.to === undefined) return 'everybody';
    return entry.to === '' ? 'nobody' : entry.to;
  }

  #take(step: Step): string {
    switch (step.do) {
      case 'answer': {
        const { request, cause } = step.owed;
        const { entry, message } = writeAnswer(
          step.owed,
          this.#bodyOf(request.sequence),
          sessionOf(this.state),
          new Date(0),
        );
        this.append(entry, readMessage(message));
        return `${entry.type} ${request.id} ${cause}`;
      }
      case 'send': {
        const connection = this.connection ?? '';
        this.append({ kind: 'sent', lane: step.lane, sequence: step.sequence, connection });
        return `send ${this.#bodyOf(step.sequence).header.msg_id}`;
      }
      case 'fence':
        this.#fences.set(`fence-${this.#fences.size + this.head}`, step.lane);
        return `fence ${step.lane}`;
      case 'showPrompt': {
        const { id, parent, sequence } = step.prompt;
        const facts = { kind: 'message', type: 'input_request', prompt: id, parent } as const;
        this.append({ ...facts, to: step.channel }, this.#bodyOf(sequence));
        return `show ${id} to ${step.channel}`;
      }
    }
  }

  #next(): Step | undefined {
    return nextStep(this.state, this.#conditions());
  }

  #conditions(): Conditions {
    const fences = new Set(this.#fences.values());
    const { connection, isHeld } = this;
    return { connection, isHeld, fences, present: this.#present };
  }

  #bodyOf(sequence: number): Message {
    const body = this.log[sequence - 1]?.body;
    if (!body) throw new Error(`no body for ${sequence}`);
    return body;
  }
}

function channelOf(type: string): string {
  if (type === 'input_request') return 'stdin';
  return type.endsWith('_reply') ? 'shell' : 'iopub';
}
