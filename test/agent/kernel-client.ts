// A front-end as small as it gets, for the agent's tests: speaks both of Jupyter's WebSocket protocols to one kernel.
// The frames are put together here, so that a mistake in agent/message.ts shows.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { WebSocket } from 'ws';

export const V1 = 'v1.kernel.websocket.jupyter.org';

export interface Message {
  channel: string;
  header: { msg_id: string; msg_type: string };
  parent_header: { msg_id?: string; msg_type?: string };
  content: Record<string, unknown>;
}

export class KernelClient {
  readonly webSocket: WebSocket;
  readonly messages: Message[] = [];
  readonly #session = randomUUID();
  readonly #waiting = new Set<() => void>();

  private constructor(webSocket: WebSocket) {
    this.webSocket = webSocket;
    webSocket.on('error', () => undefined);
    webSocket.on('message', (data, isBinary) => {
      this.messages.push(isBinary ? decode(data as Buffer) : parse(data as Buffer));
      for (const wake of this.#waiting) wake();
    });
  }

  static async open(
    agentUrl: string,
    kernelId: string,
    accessToken: string,
    protocols: string[],
  ): Promise<KernelClient> {
    const url = `${agentUrl.replace('http', 'ws')}/api/kernels/${kernelId}/channels`;
    const webSocket = new WebSocket(`${url}?session_id=${randomUUID()}`, protocols, {
      headers: { Authorization: `Bearer ${accessToken}`, Origin: 'http://front-end.example' },
    });
    const client = new KernelClient(webSocket);
    await once(webSocket, 'open');
    return client;
  }

  /** The id of the request. */
  send(channel: string, type: string, content: object): string {
    const header = {
      msg_id: randomUUID(),
      msg_type: type,
      session: this.#session,
      username: '',
      date: new Date().toISOString(),
      version: '5.3',
    };
    const message = { header, parent_header: {}, metadata: {}, content };
    if (this.webSocket.protocol === V1) this.webSocket.send(encode(channel, message));
    else this.webSocket.send(JSON.stringify({ ...message, channel, buffers: [] }));
    return header.msg_id;
  }

  execute(code: string): string {
    return this.send('shell', 'execute_request', {
      code,
      silent: false,
      store_history: true,
      user_expressions: {},
      allow_stdin: true,
      stop_on_error: true,
    });
  }

  async next(type: string, parentId: string, seconds = 60): Promise<Message> {
    const find = () =>
      this.messages.find(
        ({ header, parent_header }) =>
          header.msg_type === type && parent_header.msg_id === parentId,
      );
    const deadline = AbortSignal.timeout(seconds * 1000);
    for (let found = find(); ; found = find()) {
      if (found) return found;
      await this.#change(deadline, `${type} for ${parentId}`);
    }
  }

  async idle(parentId: string): Promise<void> {
    const isIdle = (message: Message) =>
      message.parent_header.msg_id === parentId && message.content['execution_state'] === 'idle';
    const deadline = AbortSignal.timeout(60_000);
    while (!this.messages.some(isIdle)) await this.#change(deadline, `idle for ${parentId}`);
  }

  textOf(parentId: string): string {
    return this.messages
      .filter((message) => message.parent_header.msg_id === parentId)

      .map(({ content }) => (typeof content['text'] === 'string' ? content['text'] : ''))
      .join('');
  }

  async close(): Promise<void> {
    if (this.webSocket.readyState === WebSocket.CLOSED) return;
    this.webSocket.close();
    await once(this.webSocket, 'close');
  }

  async #change(deadline: AbortSignal, what: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const onDeadline = () => {
        reject(new Error(`not in time: ${what}`));
      };
      const wake = () => {
        this.#waiting.delete(wake);
        deadline.removeEventListener('abort', onDeadline);
        resolve();
      };
      this.#waiting.add(wake);
      deadline.addEventListener('abort', onDeadline);
    });
  }
}

export function encode(channel: string, message: object): Buffer {
  const { header, parent_header, metadata, content } = message as Record<string, unknown>;
  const parts = [
    Buffer.from(channel),
    ...[header, parent_header, metadata, content].map((part) => Buffer.from(JSON.stringify(part))),
  ];
  const offsets = [8 * (parts.length + 2)];
  for (const part of parts) offsets.push((offsets.at(-1) ?? 0) + part.length);
  const table = [offsets.length, ...offsets].map((number) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(number));
    return bytes;
  });
  return Buffer.concat([...table, ...parts]);
}

function decode(data: Buffer): Message {
  const count = Number(data.readBigUInt64LE(0));
  const offset = (index: number) => Number(data.readBigUInt64LE(8 * (index + 1)));
  const part = (index: number) => data.subarray(offset(index), offset(index + 1));
  if (count < 6) throw new Error('too few parts');
  const parts = { header: parse(part(1)), parent_header: parse(part(2)), content: parse(part(4)) };
  return { channel: part(0).toString(), ...parts } as unknown as Message;
}

function parse(data: Buffer): Message {
  return JSON.parse(data.toString()) as Message;
}
