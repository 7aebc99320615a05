// A front-end that costs next to nothing: asks a kernel for something over its WebSocket and looks only at how much comes
// back. The same for every way to a kernel; connects again when it is cut, as a page does. It has messages acknowledged at
// once: gateways wait for that, for 40 ms with other front-ends than ours, beside which nothing else could be seen.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { Gateway } from '../test/helpers/jupyter-front-end.ts';
import { systemClock } from '../agent/clock.ts';
import { acknowledgeQuickly } from '../agent/quick-acknowledgement.ts';
import { encode, V1 } from '../test/agent/kernel-client.ts';

export interface FrontEndOptions {
  gateway: Gateway;
  kernelId: string;
  signal: AbortSignal;
  /** Where there is a tunnel that closes its connection by itself, a cut is the end. */
  comesBack?: boolean;
}

interface Asked {
  id: string;
  /** What says that it is over. */
  type: 'kernel_info_reply' | 'status';
  bytes: number;
  resolve: (bytes: number) => void;
  reject: (reason: unknown) => void;
}

const MAX_MESSAGE_BYTES = 1_073_741_824;
const COMES_BACK_MILLISECONDS = 500;

export class FrontEnd implements Disposable {
  readonly #options: FrontEndOptions;
  readonly #session = randomUUID();
  #webSocket: WebSocket | undefined;
  #asked: Asked | undefined;
  #cancelReturn: NodeJS.Timeout | undefined;
  #isOver = false;

  private constructor(options: FrontEndOptions) {
    this.#options = options;
    options.signal.addEventListener('abort', this.#abort, { once: true });
  }

  static async open(options: FrontEndOptions): Promise<FrontEnd> {
    const frontEnd = new FrontEnd(options);
    await once(frontEnd.#connect(), 'open', { signal: options.signal });
    // The kernel is up, and whatever is made for its first message was made.
    await frontEnd.roundTrip();
    return frontEnd;
  }

  /** Milliseconds from a question to its answer. */
  async roundTrip(): Promise<number> {
    const since = performance.now();
    await this.#ask('kernel_info_request', {}, 'kernel_info_reply');
    return performance.now() - since;
  }

  /** Runs code. @returns how many bytes of output came back until its end */
  execute(code: string): Promise<number> {
    const content = { code, silent: false, store_history: false, allow_stdin: false };
    return this.#ask('execute_request', { ...content, user_expressions: {} }, 'status');
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    clearTimeout(this.#cancelReturn);
    this.#options.signal.removeEventListener('abort', this.#abort);
    this.#webSocket?.close();
  }

  readonly #abort = () => {
    this.#asked?.reject(this.#options.signal.reason);
    this[Symbol.dispose]();
  };

  #connect(): WebSocket {
    const { gateway, kernelId } = this.#options;
    const url = `${gateway.url.replace('http', 'ws')}/api/kernels/${kernelId}/channels`;
    const webSocket = new WebSocket(`${url}?session_id=${this.#session}`, [V1], {
      headers: { authorization: `token ${gateway.token}` },
      perMessageDeflate: false,
      maxPayload: MAX_MESSAGE_BYTES,
    });
    acknowledgeQuickly(webSocket, systemClock);
    webSocket.on('message', (data: Buffer) => {
      this.#receive(data);
    });
    webSocket.on('error', () => undefined); // `close` follows and is what counts.
    webSocket.once('close', (code) => {
      this.#closed(code);
    });
    this.#webSocket = webSocket;
    return webSocket;
  }

  #closed(code: number): void {
    if (this.#isOver) return;
    if (this.#options.comesBack) {
      this.#cancelReturn = setTimeout(() => this.#connect(), COMES_BACK_MILLISECONDS);
    } else this.#asked?.reject(new Error(`the kernel's connection ended with ${code}`));
  }

  #ask(type: string, content: object, until: Asked['type']): Promise<number> {
    const id = randomUUID();
    const date = new Date().toISOString();
    const header = { msg_id: id, msg_type: type, session: this.#session, username: '', date };
    const message = { header: { ...header, version: '5.3' }, parent_header: {}, metadata: {} };
    return new Promise((resolve, reject) => {
      this.#asked = { id, type: until, bytes: 0, resolve, reject };
      this.#options.signal.throwIfAborted();
      this.#webSocket?.send(encode('shell', { ...message, content }));
    });
  }

  #receive(frame: Buffer): void {
    const asked = this.#asked;
    if (!asked) return;
    const header = jsonOf(frame, HEADER) as { msg_type: string };
    if (header.msg_type === 'stream') asked.bytes += partOf(frame, CONTENT).length;
    if (header.msg_type !== asked.type) return;
    const parent = jsonOf(frame, PARENT) as { msg_id?: string };
    if (parent.msg_id !== asked.id) return;
    const { execution_state: state } = jsonOf(frame, CONTENT) as { execution_state?: string };
    if (state === 'busy') return;
    this.#asked = undefined;
    asked.resolve(asked.bytes);
  }
}

const HEADER = 1;
const PARENT = 2;
const CONTENT = 4;

function partOf(frame: Buffer, index: number): Buffer {
  const offset = (at: number) => Number(frame.readBigUInt64LE(8 * (at + 1)));
  return frame.subarray(offset(index), offset(index + 1));
}

function jsonOf(frame: Buffer, index: number): unknown {
  return JSON.parse(partOf(frame, index).toString());
}
