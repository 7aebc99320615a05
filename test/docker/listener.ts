// A front-end that keeps all it is told of one cell.
import { randomUUID } from 'node:crypto';
import { WebSocket } from 'ws';
import type { Gateway } from '../helpers/jupyter-front-end.ts';
import { openKernelSocket } from '../helpers/kernel-socket.ts';

interface Message {
  msg_type: string;
  parent_header: { msg_id?: string };
  content: Record<string, unknown>;
}

export interface Reply {
  status?: string;
}

export interface Listener {
  execute(code: string): void;
  texts(): string[];
  /** What the cell's errors say. */
  errors(): string[];
  /** The connection has ended, from the other side. */
  isEnded(): boolean;
  /** Undefined while there is none. */
  reply(): Reply | undefined;
  close(): void;
}

export async function listen({ url, token }: Gateway, kernel: string): Promise<Listener> {
  const session = randomUUID();
  const id = randomUUID();
  const address = `${url.replace('http', 'ws')}/api/kernels/${kernel}/channels`;
  const socket = await openKernelSocket(`${address}?session_id=${session}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  socket.on('error', () => undefined);
  const messages: Message[] = [];
  socket.on('message', (data: Buffer) => {
    messages.push(JSON.parse(data.toString()) as Message);
  });
  const told = (type: string) => messages.filter(({ msg_type: its }) => its === type);
  return {
    execute: (code) => {
      const header = { msg_id: id, msg_type: 'execute_request', username: '', session, date: '' };
      const content = { code, silent: false, store_history: true, allow_stdin: false };
      socket.send(
        JSON.stringify({
          header: { ...header, version: '5.3' },
          ...{ parent_header: {}, metadata: {}, channel: 'shell', buffers: [], content },
        }),
      );
    },
    texts: () => told('stream').map(({ content }) => String(content['text'])),
    errors: () => told('error').map(({ content }) => String(content['evalue'])),
    isEnded: () => socket.readyState === WebSocket.CLOSED,
    reply: () =>
      told('execute_reply').find(({ parent_header: parent }) => parent.msg_id === id)?.content,
    close: () => {
      socket.close();
    },
  };
}
