// A kernel behind its gateway, as far as the agent can tell: does the shell's requests one after the other, refuses what
// it has seen before, and aborts what it has when a cell fails. The gateway keeps what it says while nobody is connected.
import type { Message } from '../../agent/channel/messages.ts';
import { sketch } from './messages.ts';

/** What a cell does. */
export type CellKind = 'prints' | 'fails' | 'asks';

interface Running {
  request: Message;
  steps: (() => void)[];
}

export class KernelModel {
  /** Cells in the order in which they were begun, in any process. */
  readonly ran: { id: string; process: string }[] = [];
  /** Cells that it aborted itself. */
  readonly aborted: string[] = [];
  /** What its gateway has for the agent. */
  outbound: Message[] = [];
  #lives = 1;
  #count = 0;
  #inbound: Message[] = [];
  #seen = new Set<string>();
  #running: Running | undefined;
  #prompt: string | undefined;
  /** After a failure it aborts cells for a moment; when it has answered something else, that is over for certain. */
  #isAborting = false;

  get process(): string {
    return `process-${this.#lives}`;
  }

  get isIdle(): boolean {
    return this.#running === undefined && this.#inbound.length === 0;
  }

  /** A cell waits for input. */
  get isAsking(): boolean {
    return this.#prompt !== undefined;
  }

  take(message: Message): void {
    if (message.channel === 'stdin') {
      // ipykernel throws away what came before it asked.
      if (this.#prompt === undefined || this.#seen.has(message.header.msg_id)) return;
      this.#seen.add(message.header.msg_id);
      if (message.parent.msg_id !== this.#prompt) throw new Error('an input for another prompt');
      this.#prompt = undefined;
      return;
    }
    // ipykernel: "Duplicate Signature".
    if (this.#seen.has(message.header.msg_id)) return;
    this.#seen.add(message.header.msg_id);
    this.#inbound.push(message);
  }

  /** Does the next bit of what it has to do. */
  step(): void {
    if (this.#prompt !== undefined) return;
    const next = this.#running?.steps.shift();
    if (next) next();
    else if (this.#running) this.#running = undefined;
    else this.#begin();
  }

  /** Ends a cell that waits for input which nobody was asked for. */
  interrupt(): void {
    const request = this.#running?.request;
    if (!request) return;
    this.#prompt = undefined;
    this.#running = { request, steps: [this.#status(request, 'idle')] };
    this.#say(request, 'shell', 'execute_reply', { status: 'error' });
    this.#abort();
  }

  /** Another process; what the old one had is gone. `isDeath`: by itself, and the gateway says so. */
  restart(isDeath: boolean): void {
    this.#lives += 1;
    this.#inbound = [];
    this.#seen = new Set();
    this.#running = undefined;
    this.#prompt = undefined;
    this.#isAborting = false;
    // Who has asked for a restart may hear the new process before the gateway has answered.
    const session = isDeath ? 'gateway' : this.process;
    const content = { execution_state: isDeath ? 'restarting' : 'starting' };
    const facts = { channel: 'iopub', type: 'status', session, content };
    this.outbound.push(sketch({ ...facts, id: this.#nextId() }));
  }

  #begin(): void {
    const request = this.#inbound.shift();
    if (!request) return;
    if (request.header.msg_type === 'kernel_info_request') {
      const steps = [
        this.#status(request, 'busy'),
        this.#info(request),
        this.#status(request, 'idle'),
      ];
      this.#running = { request, steps };
      return;
    }
    if (request.header.msg_type !== 'execute_request') return;
    if (this.#isAborting) {
      this.#refuse(request);
      return;
    }
    const { kind } = request.content() as { kind: CellKind };
    this.ran.push({ id: request.header.msg_id, process: this.process });
    const print = (text: string) => () => {
      this.#say(request, 'iopub', 'stream', { text });
    };
    const ask = () => {
      this.#prompt = this.#say(request, 'stdin', 'input_request', {});
    };
    this.#running = {
      request,
      steps: [
        this.#status(request, 'busy'),
        print('1'),
        ...(kind === 'asks' ? [ask] : []),
        print('2'),
        () => {
          this.#say(request, 'shell', 'execute_reply', {
            status: kind === 'fails' ? 'error' : 'ok',
          });
          if (kind === 'fails') this.#abort();
        },
        this.#status(request, 'idle'),
      ],
    };
  }

  #abort(): void {
    const isExecute = ({ header }: Message) => header.msg_type === 'execute_request';
    for (const request of this.#inbound.filter(isExecute)) this.#refuse(request);
    this.#inbound = this.#inbound.filter((request) => !isExecute(request));
    this.#isAborting = true;
  }

  #refuse(request: Message): void {
    this.aborted.push(request.header.msg_id);
    this.#say(request, 'shell', 'execute_reply', { status: 'aborted' });
    this.#status(request, 'idle')();
  }

  #info(request: Message): () => void {
    return () => {
      this.#isAborting = false;
      this.#say(request, 'shell', 'kernel_info_reply', { implementation: 'ipython' });
    };
  }

  #status(request: Message, state: string): () => void {
    return () => {
      this.#say(request, 'iopub', 'status', { execution_state: state });
    };
  }

  #say(parent: Message, channel: string, type: string, content: Record<string, unknown>): string {
    const id = this.#nextId();
    this.outbound.push(sketch({ channel, id, type, session: this.process, parent, content }));
    return id;
  }

  #nextId(): string {
    this.#count += 1;
    return `k${this.#count}`;
  }
}
